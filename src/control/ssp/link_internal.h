/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the replication channel share: link.c has the session and its timers,
 * connection.c the connections and their TLS. */
#ifndef CONTROL_SSP_LINK_INTERNAL_H
#define CONTROL_SSP_LINK_INTERNAL_H

#include "base/list.h"
#include "base/time.h"
#include "control/ssp/link.h"

enum {
    SSP_READ_SIZE = 64 * 1024,
    SSP_PLAIN_SIZE =
        SSP_READ_SIZE + 32 * 1024, /* what one read, and the record that it completes, can hold */
    SSP_UNPROVED_MAX = 4,
    SSP_PROVE_MS = 5000,   /* to prove oneself */
    SSP_CONNECT_MS = 2000, /* for TCP */
};

struct ssp_connection {
    struct list link; /* ssp_link.connections */
    struct ssp_link *owner;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connect;
    struct tls *tls; /* NULL: TCP is not there yet */
    bool closing;
    uint8_t handles; /* not closed yet */
};

struct ssp_link {
    uv_loop_t *loop;
    struct ssp_link_config config;
    struct ssp_link_events events;
    struct tls_credentials *credentials;
    struct session *session;
    struct session_actions step; /* of events of the channel */
    struct session_actions put;  /* of what is put */
    bool listens, freed, stepping;

    uv_tcp_t *listener; /* NULL: none now */
    uv_timer_t retry, tick;
    uv_prepare_t prepare;
    uv_check_t check;
    unsigned handles; /* not closed yet, the connections' too */

    struct list connections;
    struct ssp_connection *current; /* whose TLS the session talks through */
    ns backoff;                     /* before the next attempt */
    ns hold_until;                  /* no attempt before that */

    struct ssp_link_status status;
    char logged[TLS_TEXT + 32]; /* the last failure that was logged, at: */
    ns logged_at;
    uint8_t read[SSP_READ_SIZE], plain[SSP_PLAIN_SIZE];
};

/* ---- link.c ---- */

/* Gives the session an event and carries out what it asks for. */
void ssp_link_step(struct ssp_link *l, enum session_event_kind kind, struct bytes bytes);
void ssp_link_retry(struct ssp_link *l);
/* Logged when it is another one than the last, or five minutes later. */
void ssp_link_failure(struct ssp_link *l, const char *what, const char *text);
void ssp_link_handle_closed(struct ssp_link *l);

/* ---- connection.c ---- */

int ssp_listen(struct ssp_link *l) must_check;
int ssp_connect(struct ssp_link *l) must_check;
/* Plaintext for the peer, by way of the current connection. */
void ssp_connection_write(struct ssp_connection *c, struct bytes plain);
void ssp_connection_flush(struct ssp_connection *c);
/* The session is not told. */
void ssp_connection_close(struct ssp_connection *c);

#endif
