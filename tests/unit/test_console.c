/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>

#include "cmd-client/client.h"
#include "tests/unit/sockets.h"
#include "tests/unit/terminals.h"

#define WEB "11111111-aaaa-4111-8111-111111111111"

/*
 * `xenvm-cmd web console` in a process of its own; this one is monitor, xenconsoled, guest and
 * user.
 */
struct session {
    char dir[64];
    int listener;
    struct tty tty;
    int in, out, error; /* of the client; our ends */
    pid_t client;
};

static int set_up(void **state)
{
    struct session *session = calloc(1, sizeof(*session));
    char *cwd = getcwd(NULL, 0);

    strcpy(session->dir, "/tmp/test-console-XXXXXX");
    if (!mkdtemp(session->dir) || chdir(session->dir) < 0)
        return -1;
    session->listener = listen_as(WEB, "name-web", 16);
    setenv("XENVM_SOCKET_DIR", session->dir, 1);
    if (chdir(cwd) < 0)
        return -1;
    free(cwd);
    make_tty(&session->tty);
    session->in = session->out = session->error = -1;
    *state = session;
    return 0;
}

static int tear_down(void **state)
{
    struct session *session = *state;
    const int fds[] = { session->listener, session->in, session->out, session->error };
    char path[128];

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    hang_up(&session->tty);
    snprintf(path, sizeof(path), "%s/vm-" WEB, session->dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/name-web", session->dir);
    unlink(path);
    rmdir(session->dir);
    free(session);
    return 0;
}

/* Runs `xenvm-cmd --timeout <seconds> web console` with such standard descriptors. */
static void start_client(struct session *session, int in, int out, int error, int seconds)
{
    const struct options options = { .timeout = seconds };

    session->client = fork();
    if (session->client != 0)
        return;
    signal(SIGPIPE, SIG_IGN);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
        close(fd);
    _exit((int)console_vm(&options, "web", json_object()));
}

static void start_in_pipes(struct session *session, int seconds)
{
    int in[2], out[2], error[2];

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(error, O_CLOEXEC), 0);
    session->in = in[1];
    session->out = out[0];
    session->error = error[0];
    start_client(session, in[0], out[1], error[1], seconds);
    close(in[0]);
    close(out[1]);
    close(error[1]);
}

/* Returns the slave of the user's terminal; its master is all of in, out and error. */
static int start_on_terminal(struct session *session)
{
    int master, slave;

    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    session->in = master;
    start_client(session, slave, slave, slave, 0);
    return slave;
}

/* Answers the next request, that is for `method`; a NULL result is an error. */
static void serve(struct session *session, const char *method, json_t *result)
{
    struct pollfd ready = { .fd = session->listener, .events = POLLIN };
    struct rpc_request request;
    char *text;
    int fd;

    assert_int_equal(poll(&ready, 1, PATIENCE), 1);
    fd = accept_request(session->listener, &request);
    assert_string_equal(request.method, method);
    text = result ? rpc_result_text(request.id, result)
                  : rpc_error_text(request.id, RPC_WRONG_STATE, "not now", NULL);
    assert_true(send(fd, text, strlen(text), MSG_NOSIGNAL) > 0);
    close(fd);
    free(text);
    rpc_request_free(&request);
}

static void serve_console(struct session *session, int domid)
{
    serve(session, "console", json_pack("{ss,si}", "tty", session->tty.name, "domid", domid));
}

static void serve_state(struct session *session, const char *state)
{
    serve(session, "status", json_pack("{ss}", "state", state));
}

static int exit_status(struct session *session)
{
    int status;

    assert_int_equal(waitpid(session->client, &status, 0), session->client);
    return status;
}

#define EXITED(status) ((status) << 8)

static void test_pipes_and_reboot(void **state)
{
    struct session *session = *state;

    start_in_pipes(session, 0);
    serve_console(session, 3);
    SEND(session->in, "a\x1d\n");
    EXPECT(session->tty.master, "a\x1d\n");
    SEND(session->tty.master, "b\r\n");
    EXPECT(session->out, "b\r\n");

    hang_up(&session->tty);
    serve_state(session, "running"); /* the monitor does not know yet */
    serve_console(session, 3);
    serve_state(session, "rebooting");
    serve(session, "console", NULL);
    serve_state(session, "running");
    make_tty(&session->tty);
    serve_console(session, 4);
    EXPECT(session->error, "xenvm-cmd: web: the guest is back, as domain 4\n");
    SEND(session->in, "c");
    EXPECT(session->tty.master, "c");
    SEND(session->tty.master, "d");
    EXPECT(session->out, "d");

    hang_up(&session->tty);
    serve_state(session, "shutdown");
    EXPECT(session->error, "xenvm-cmd: web: the guest is gone\n");
    assert_int_equal(exit_status(session), EXITED(EXIT_FAILED));
}

static void test_tty_comes_late(void **state)
{
    struct session *session = *state;
    char tty[64];

    strcpy(tty, session->tty.name);
    strcpy(session->tty.name, "/dev/pts/none");
    start_in_pipes(session, 0);
    serve_console(session, 3);
    serve_state(session, "created");
    serve_console(session, 3);
    serve_state(session, "created");
    strcpy(session->tty.name, tty);
    serve_console(session, 3);
    SEND(session->in, "a");
    EXPECT(session->tty.master, "a");
    close(session->out);
    session->out = -1;
    assert_int_equal(exit_status(session), EXITED(EXIT_FAILED));
}

static void test_no_console(void **state)
{
    struct session *session = *state;

    start_in_pipes(session, 0);
    strcpy(session->tty.name, "/dev/null");
    serve_console(session, 3);
    EXPECT(session->error, "xenvm-cmd: web: cannot open /dev/null, the guest's console: ");
    assert_int_equal(exit_status(session), EXITED(EXIT_FAILED));

    start_in_pipes(session, 0);
    strcpy(session->tty.name, "/dev/pts/none");
    serve_console(session, 3);
    serve_state(session, "shutdown");
    EXPECT(session->error, "xenvm-cmd: web: cannot open /dev/pts/none, the guest's console: No ");
    assert_int_equal(exit_status(session), EXITED(EXIT_FAILED));

    start_in_pipes(session, 0);
    serve(session, "console", json_pack("{ss}", "tty", session->tty.name));
    EXPECT(session->error, "xenvm-cmd: web: the monitor did not say where");
    assert_int_equal(exit_status(session), EXITED(EXIT_FAILED));

    start_in_pipes(session, 0);
    serve(session, "console", NULL);
    EXPECT(session->error, "xenvm-cmd: web: not now\n");
    assert_int_equal(exit_status(session), EXITED(EXIT_FAILED));
}

static void test_timeout(void **state)
{
    struct session *session = *state;

    start_in_pipes(session, 2);
    serve_console(session, 3);
    SEND(session->tty.master, "a");
    EXPECT(session->out, "a");
    EXPECT(session->error, "xenvm-cmd: web: left after 2 s\n");
    assert_int_equal(exit_status(session), EXITED(EXIT_TIMED_OUT));
}

#define GREETING "xenvm-cmd: web: connected to the console of domain 3; Ctrl-] leaves it\r\n"

static bool same_settings(int terminal, const struct termios *settings)
{
    struct termios now;

    assert_int_equal(tcgetattr(terminal, &now), 0);
    return now.c_lflag == settings->c_lflag && now.c_iflag == settings->c_iflag &&
           now.c_oflag == settings->c_oflag;
}

static void test_terminal(void **state)
{
    struct session *session = *state;
    int terminal = start_on_terminal(session);
    struct termios settings;

    assert_int_equal(tcgetattr(terminal, &settings), 0);
    serve_console(session, 3);
    EXPECT(session->in, GREETING);
    SEND(session->tty.master, "login: \n");
    EXPECT(session->in, "login: \n"); /* raw: no carriage return is added */
    assert_false(same_settings(terminal, &settings));
    SEND(session->in, "\x03\x1a");
    EXPECT(session->tty.master, "\x03\x1a");
    SEND(session->tty.master, "$ ");
    EXPECT(session->in, "$ ");

    hang_up(&session->tty);
    serve_state(session, "running");
    make_tty(&session->tty);
    serve_console(session, 5);
    EXPECT(session->in, "\r\nxenvm-cmd: web: the guest is back, as domain 5\r\n");
    SEND(session->in, "bye\x1d");
    EXPECT(session->tty.master, "bye");
    assert_int_equal(exit_status(session), EXITED(EXIT_DONE));
    assert_true(same_settings(terminal, &settings));
    close(terminal);
}

static void test_terminal_and_signal(void **state)
{
    struct session *session = *state;
    int terminal = start_on_terminal(session);
    struct termios settings;

    assert_int_equal(tcgetattr(terminal, &settings), 0);
    serve_console(session, 3);
    SEND(session->tty.master, "\n");
    EXPECT(session->in, GREETING "\n");
    assert_false(same_settings(terminal, &settings));
    kill(session->client, SIGTERM);
    assert_int_equal(exit_status(session), SIGTERM);
    assert_true(same_settings(terminal, &settings));
    close(terminal);
}

#define SESSION(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION(test_pipes_and_reboot), SESSION(test_tty_comes_late),
        SESSION(test_no_console),       SESSION(test_timeout),
        SESSION(test_terminal),         SESSION(test_terminal_and_signal),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
