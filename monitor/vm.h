/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_VM_H
#define XENVM_MONITOR_VM_H

/*
 * The virtual machine: its state, its domain, and the one long operation that may be at work on
 * it. Only vm.c changes the state; the files start, stop, save and restore hold the sequences of
 * the long operations and tell it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <event2/event.h>
#include <uuid/uuid.h>

#include "config/config.h"
#include "monitor/child.h"
#include "monitor/domain.h"
#include "monitor/failure.h"
#include "monitor/home.h"
#include "monitor/memory.h"
#include "monitor/operation.h"
#include "monitor/sleep.h"
#include "protocol/commands.h"

struct access;
struct control;
struct device_model;
struct devices;
struct listeners;
struct setting;
struct state_hooks;
struct stopping;
struct vm;

enum { CRASHES_KEPT = 5, CRASH_WINDOW_S = 60 };

/* What a worker's messages lead to; both may assume that the operation is still there. */
struct child_handlers {
    void (*message)(struct vm *vm, const struct message *message); /* NULL: none are expected */
    /* The end: what the worker said, or a failure to own. */
    void (*done)(struct vm *vm, const struct message *done, struct failure *failure);
};

/* What the guest was asked to do, until it has done it. */
struct request {
    const char *what; /* poweroff, reboot, suspend; NULL: nothing */
    bool acknowledged;
    bool pressed; /* a button of its machine, which nobody acknowledges */
    struct event *deadline;
    int timeout;
    /* The guest did it, for `reason`; or the failure says at which stage it stopped. */
    void (*ended)(struct vm *vm, unsigned int reason, struct failure *failure);
};

/* What is to be done about a domain that nobody at work in here expected. */
struct vm_hooks {
    void (*ended)(struct vm *vm, unsigned int reason); /* it ended by itself: SHUTDOWN_* */
    void (*lost)(struct vm *vm);                       /* somebody else destroyed it */
    void (*appeared)(struct vm *vm);                   /* some domain began, and we have none */
    void (*idle)(struct vm *vm);                       /* no operation is under way any more */
};

struct vm {
    struct event_base *base;
    struct vm_hooks hooks;
    struct vm_config *config;   /* what the guest has been built of, or will be; see configs.h */
    struct vm_config *next;     /* what holds from the next start on; NULL: config */
    struct vm_config *after;    /* what holds from the first boot on, before that; NULL: none */
    bool first_booted;          /* what the file has for the first boot is spent */
    bool first_boot_owed;       /* and the disk has yet to learn of it */
    struct vm_config *fallback; /* of the memory in an image that is being given up; NULL: none */
    bool model_lost;            /* the domain has had a device model, which ended by itself */
    char *config_path;
    char *stand_in; /* what the first configuration is read from in the place of that, or NULL */
    struct config_text file; /* what has been read there; its name is not to be used */
    char *settings;          /* what commands have set, as a configuration's text */
    struct setting *setting; /* on its way to the disk; NULL: none */
    unsigned int config_flags;
    uuid_t uuid_bytes;
    char uuid[UUID_STR_LEN];
    char *name;
    char *directory; /* of sockets, locks and records */

    enum vm_state state;
    uint32_t domid;                  /* DOMID_INVALID: none */
    char *reason;                    /* why the last domain ended, or NULL */
    struct memory memory;            /* where it is while there is no domain */
    long long crashes[CRASHES_KEPT]; /* seconds of CLOCK_BOOTTIME of the last restarts on_crash */

    xc_interface *xch; /* NULL: Xen is not there (yet) */
    struct store *store;
    struct store_watch *released; /* a domain, any, has ended */
    struct event *closely;        /* looks for the end of one of which nobody will tell, or NULL */
    struct store_watch *introduced; /* a domain, any, has begun: watched while we have none */
    struct store_watch *answered;   /* the guest's control/shutdown has changed */
    struct devices *devices;        /* NULL: none */
    struct device_model *model;     /* NULL: none */
    struct access *access;          /* who may give which command */
    struct control *control;
    struct listeners *listeners; /* what notify names */
    struct state_hooks *state_hooks;
    struct operation *operation; /* NULL: none */
    struct stopping *stopping;   /* a stop, which takes one operation or more; NULL: none */
    struct request request;
    struct sleep sleep;
    struct child *child; /* the worker of the operation */
    struct child_handlers child_handlers;
    int destroy_tries;
    int keeping;                      /* of the files of keep.c, those on their way to the disk */
    void (*torn_down)(struct vm *vm); /* set while the domain is being destroyed */
    bool exit_on_shutdown;            /* end with a guest that ends by its own wish */
    bool quitting;
};

/* Connects to Xen and xenstore where that isn't done yet. */
struct failure *vm_need_xen(struct vm *vm);

/* Changes the state, writes the record, tells who watches. The only place that does. */
void vm_set_state(struct vm *vm, enum vm_state state);

/* Brings `running` and `paused` in line with what Xen says. */
void vm_refresh(struct vm *vm);

/* Begins a long operation; `call` may be NULL. */
struct operation *vm_begin(struct vm *vm, enum operation_kind kind, struct call *call);

/* Ends it: answers with the failure (taken over) or with success, and writes the record. */
void vm_finish(struct vm *vm, struct failure *failure);

/* Starts the operation's worker; takes over `fds`. */
struct failure *vm_start_child(struct vm *vm, const struct message *order, const int *fds,
                               size_t count, const struct child_handlers *handlers);

/* Gives the VM a new domain, or none (DOMID_INVALID). */
void vm_set_domain(struct vm *vm, uint32_t domid);

/*
 * Watches the domain's answers, until it has another domain. To be called once its nodes are there:
 * a watch that is set earlier fires for each of them.
 */
void vm_follow(struct vm *vm);

/* Notes why the last domain ended. */
void vm_set_reason(struct vm *vm, const char *reason);

/* The state of a VM without a domain: suspended where an image holds its memory, or shutdown. */
enum vm_state vm_state_at_rest(const struct vm *vm);

/* The action for a domain that ended for `reason`. */
enum end_action vm_action_for(const struct vm *vm, unsigned int reason);

/* Looks at the domain after something happened to it, or to another. */
void vm_look(struct vm *vm);

/* Tells everybody who listens of something that went wrong, and that nobody asked for. */
void vm_tell_error(struct vm *vm, const struct failure *failure);

/* Tells one client the present state. */
void vm_send_state(struct vm *vm, struct call *call);

/* Ends the monitor, now or when the operation under way is over and the hooks have been run. */
void vm_quit(struct vm *vm);

/* Whether there is nothing left to wait for. */
bool vm_is_over(const struct vm *vm);

#endif
