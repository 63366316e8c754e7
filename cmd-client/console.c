/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/console.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "cmd-client/client.h"

enum {
    FIND_WITHIN = 5000, /* ms that a guest whose terminal hung up has to come back */
    FIND_PAUSE = 100,   /* ms between two looks for it */
};

/* Where the console of a domain is, as the monitor says. */
struct place {
    long long domid; /* -1: of none */
    char tty[64];
};

struct console {
    const struct options *options;
    const char *vm;
    int64_t deadline;
    struct place place; /* what is, or was, attached */
    struct termios saved;
    bool raw;      /* our terminal is, and `saved` is what it was */
    sigset_t mask; /* the caller's */
    struct copy copy;
};

/* {"tty": "/dev/pts/3", "domid": 3}: false where it isn't that. */
static bool read_place(const json_t *result, struct place *place)
{
    const char *tty = json_string_value(json_object_get(result, "tty"));
    const json_t *domid = json_object_get(result, "domid");

    if (!tty || *tty != '/' || strlen(tty) >= sizeof(place->tty) || !json_is_integer(domid))
        return false;
    memcpy(place->tty, tty, strlen(tty) + 1);
    place->domid = json_integer_value(domid);
    return true;
}

/*
 * The guest's terminal, raw: what is typed is neither echoed nor changed before the guest gets
 * it. Returns a descriptor that does not block, or a negative errno.
 */
static int open_tty(const char *path)
{
    struct termios settings;
    struct stat facts;
    int fd = above_standard(open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));

    if (fd < 0)
        return fd;
    if (fstat(fd, &facts) == 0 && S_ISCHR(facts.st_mode) && tcgetattr(fd, &settings) == 0) {
        cfmakeraw(&settings);
        if (tcsetattr(fd, TCSANOW, &settings) == 0)
            return fd;
    } else if (errno != EIO) {
        errno = ENOTTY;
    }
    int error = errno;
    close(fd);
    return -error;
}

/* ---- our own terminal, and signals ---- */

static void make_raw(struct console *console)
{
    struct termios settings;

    if (!console->copy.terminal || tcgetattr(STDIN_FILENO, &console->saved) < 0)
        return;
    settings = console->saved;
    cfmakeraw(&settings);
    console->raw = tcsetattr(STDIN_FILENO, TCSANOW, &settings) == 0;
}

static void restore_terminal(struct console *console)
{
    if (console->raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &console->saved);
    console->raw = false;
}

/* A line about the console on standard error, below what the guest wrote. */
static void say(struct console *console, const char *message)
{
    bool raw = console->raw;

    restore_terminal(console);
    if (console->copy.terminal && console->copy.last != '\n')
        putc('\n', stderr);
    console->copy.last = '\n';
    if (message)
        complain(console->vm, message);
    if (raw)
        make_raw(console);
}

/* From here on signals are read, so that none ends us before the terminal is as it was. */
static void take_signals(struct console *console)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
    struct sigaction action;
    sigset_t taken;

    sigemptyset(&taken);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        /* Such as nohup's. */
        if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&taken, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &taken, &console->mask);
    console->copy.signals = above_standard(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
    if (console->copy.signals < 0)
        sigprocmask(SIG_SETMASK, &console->mask, NULL);
}

/* The end that the signal would have been, without us. */
static enum exit_status end_by_signal(struct console *console)
{
    struct signalfd_siginfo info;

    if (read(console->copy.signals, &info, sizeof(info)) == sizeof(info)) {
        raise((int)info.ssi_signo);
        sigprocmask(SIG_SETMASK, &console->mask, NULL);
    }
    return EXIT_FAILED;
}

/* A terminal's descriptor of our own does not block, and leaves that of others as it is. */
static int open_output(void)
{
    int fd = -1;

    if (isatty(STDOUT_FILENO))
        fd = above_standard(open("/proc/self/fd/1", O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    return fd < 0 ? STDOUT_FILENO : fd;
}

/* ---- finding the console ---- */

/* One result, or NULL for whatever reason. */
static json_t *ask_quietly(const char *vm, const char *method, int64_t deadline)
{
    struct client client;
    struct rpc_answer answer;
    json_t *result = NULL;
    char *error = NULL;

    if (client_connect(&client, socket_directory(), vm, deadline, &error) == EXIT_DONE &&
        client_call(&client, method, NULL, false) == 0 && client_receive(&client, &answer) > 0) {
        result = json_incref(answer.result);
        rpc_answer_free(&answer);
    }
    client_close(&client);
    free(error);
    return result;
}

/* Whether the VM's state is one that has a console, or from which it goes on to have one. */
static bool may_have_console(const char *vm, int64_t deadline)
{
    json_t *status = ask_quietly(vm, "status", deadline);
    const char *name = json_string_value(json_object_get(status, "state"));
    int state = name ? state_from_name(name) : -1;

    json_decref(status);
    return state >= 0 && ((IN(state) & IN_WITH_DOMAIN) || (IN(state) & IN_MOTION));
}

/*
 * One look: attaches a console that is another than the last one. The numbers of terminals are
 * used again, and a terminal may outlive the monitor's knowledge of it by a moment.
 */
static bool attach_another(struct console *console, int64_t deadline)
{
    json_t *result = ask_quietly(console->vm, "console", deadline);
    struct place place;
    int tty = -1;

    if (read_place(result, &place) &&
        (place.domid != console->place.domid || strcmp(place.tty, console->place.tty) != 0))
        tty = open_tty(place.tty);
    json_decref(result);
    if (tty < 0)
        return false;
    console->place = place;
    console->copy.tty = tty;
    return true;
}

static int64_t earlier(int64_t deadline, int64_t time)
{
    return deadline != NO_DEADLINE && deadline < time ? deadline : time;
}

/* COPY_GOES_ON when there is a console again; COPY_TTY_GONE when none is to come. */
static enum copy_end find_console(struct console *console)
{
    int64_t until = earlier(console->deadline, now_ms() + FIND_WITHIN);

    for (;;) {
        enum copy_end end;

        if (may_have_console(console->vm, until)) {
            if (attach_another(console, until))
                return COPY_GOES_ON;
        } else if (now_ms() < until) {
            return COPY_TTY_GONE;
        }
        /* The pause is one that the user and signals can end. */
        end = copy_console(&console->copy, earlier(until, now_ms() + FIND_PAUSE));
        if (end != COPY_TIMED_OUT)
            return end;
        if (now_ms() >= until)
            return until == console->deadline ? COPY_TIMED_OUT : COPY_TTY_GONE;
    }
}

/* The first time. An error that time does not mend is said here: then COPY_USER_GONE. */
static enum copy_end attach(struct console *console, const struct place *place)
{
    char *message = NULL;
    int tty = open_tty(place->tty);

    if (tty >= 0) {
        console->place = *place;
        console->copy.tty = tty;
        return COPY_GOES_ON;
    }
    /* Its domain may just be going, or xenconsoled be making it. */
    if (tty == -ENOENT || tty == -ENXIO || tty == -EIO) {
        enum copy_end end = find_console(console);

        if (end != COPY_TTY_GONE)
            return end;
    }
    set_error(&message, "cannot open %s, the guest's console: %s", place->tty, strerror(-tty));
    complain(console->vm, message);
    free(message);
    return COPY_USER_GONE;
}

/* ---- the command ---- */

static void greet(struct console *console)
{
    char text[96];

    if (!console->copy.terminal)
        return;
    snprintf(text, sizeof(text), "connected to the console of domain %lld; Ctrl-] leaves it",
             console->place.domid);
    say(console, text);
}

static enum copy_end run(struct console *console)
{
    struct copy *copy = &console->copy;
    char text[64];

    for (;;) {
        long long before = console->place.domid;
        enum copy_end end = copy_console(copy, console->deadline);

        if (end != COPY_TTY_GONE)
            return end;
        close(copy->tty);
        copy->tty = -1;
        end = find_console(console);
        if (end == COPY_TTY_GONE) {
            end = copy_drain(copy, console->deadline);
            return end == COPY_GOES_ON ? COPY_TTY_GONE : end;
        }
        if (end != COPY_GOES_ON)
            return end;
        /* What the last domain did not take was not meant for this one. */
        copy->to_tty.used = 0;
        if (console->place.domid == before)
            snprintf(text, sizeof(text), "the guest's console is back");
        else
            snprintf(text, sizeof(text), "the guest is back, as domain %lld", console->place.domid);
        say(console, text);
    }
}

static enum exit_status finish(struct console *console, enum copy_end end)
{
    int error = console->copy.error;
    char *message = NULL;

    switch (end) {
    case COPY_TTY_GONE:
        say(console, "the guest is gone");
        return EXIT_FAILED;
    case COPY_TIMED_OUT:
        set_error(&message, "left after %d s", console->options->timeout);
        say(console, message);
        free(message);
        return EXIT_TIMED_OUT;
    case COPY_USER_GONE:
        /* As with other output: whoever went away needs no explanation. */
        if (error && error != EPIPE) {
            set_error(&message, "cannot write the output: %s", strerror(error));
            say(console, message);
            free(message);
        }
        return EXIT_FAILED;
    case COPY_INTERRUPTED:
    case COPY_GOES_ON:
    case COPY_LEFT:
        break;
    }
    say(console, NULL);
    return end == COPY_LEFT ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_status attach_and_run(struct console *console, const struct place *place)
{
    struct copy *copy = &console->copy;
    enum exit_status status;
    enum copy_end end;

    take_signals(console);
    end = attach(console, place);
    if (end == COPY_GOES_ON) {
        greet(console);
        make_raw(console);
        copy->in = STDIN_FILENO;
        end = run(console);
        restore_terminal(console);
    }
    status = finish(console, end);
    if (copy->tty >= 0)
        close(copy->tty);
    if (copy->out != STDOUT_FILENO)
        close(copy->out);
    if (end == COPY_INTERRUPTED)
        status = end_by_signal(console);
    if (copy->signals >= 0)
        close(copy->signals);
    return status;
}

enum exit_status console_vm(const struct options *options, const char *vm, json_t *params)
{
    struct console console = {
        .options = options,
        .vm = vm,
        .deadline = options->timeout ? now_ms() + options->timeout * INT64_C(1000) : NO_DEADLINE,
        .place = { .domid = -1 },
        .copy = { .in = -1, .tty = -1, .signals = -1, .last = '\n' },
    };
    json_t *result;
    struct place place;
    enum exit_status status = ask_vm(options, vm, &command_table[CMD_CONSOLE], params, &result);
    bool understood;

    if (status != EXIT_DONE)
        return status;
    understood = read_place(result, &place);
    json_decref(result);
    if (!understood) {
        complain(vm, "the monitor did not say where the console is");
        return EXIT_FAILED;
    }
    console.copy.terminal = isatty(STDIN_FILENO);
    console.copy.out = open_output();
    return attach_and_run(&console, &place);
}
