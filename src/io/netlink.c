/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the kernel over one netlink socket (see netlink.h). libnl translates the kernel's errno into
 * its own numbers and loses some on the way, so the error callback keeps the kernel's. */
#include <errno.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "io/netlink_request.h"

struct netlink {
    struct nl_sock *socket;
    struct nl_cb *callbacks;
    void (*each)(void *user, struct nlmsghdr *h);
    void *user;
    uint32_t sequence; /* of the request that is being answered */
    int verdict;
    bool done;
};

/* An answer that came after we gave up on its request must not be taken for that of the next. */
static bool on_time(const struct netlink *n, uint32_t sequence)
{
    return sequence == n->sequence;
}

static int on_sequence(struct nl_msg *m, void *arg)
{
    (void)m, (void)arg; /* instead of libnl's check, which never finds its feet again */
    return NL_OK;
}

static int on_valid(struct nl_msg *m, void *arg)
{
    struct netlink *n = arg;
    if (n->each && on_time(n, nlmsg_hdr(m)->nlmsg_seq))
        n->each(n->user, nlmsg_hdr(m));
    return NL_OK;
}

static int on_end(struct nl_msg *m, void *arg)
{
    struct netlink *n = arg;
    if (!on_time(n, nlmsg_hdr(m)->nlmsg_seq))
        return NL_SKIP;
    n->done = true;
    return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
    (void)from;
    struct netlink *n = arg;
    if (!on_time(n, e->msg.nlmsg_seq))
        return NL_SKIP;
    n->verdict = e->error;
    n->done = true;
    return NL_STOP;
}

static int request_errno(int nle)
{
    switch (-nle) {
    case NLE_NOMEM:
        return -ENOMEM;
    case NLE_AGAIN:
        return -ETIMEDOUT;
    case NLE_DUMP_INTR:
        return -EAGAIN;
    case NLE_PERM:
        return -EPERM;
    case NLE_AF_NOSUPPORT:
        return -EAFNOSUPPORT;
    case NLE_MSGSIZE:
        return -EMSGSIZE;
    default:
        return -EIO;
    }
}

int netlink_new(struct netlink **ret)
{
    struct netlink *n = calloc(1, sizeof(*n));
    if (!n)
        return -ENOMEM;
    int r = -ENOMEM;
    n->socket = nl_socket_alloc();
    n->callbacks = nl_cb_alloc(NL_CB_DEFAULT);
    if (!n->socket || !n->callbacks)
        goto fail;
    r = nl_connect(n->socket, NETLINK_ROUTE);
    if (r < 0) {
        r = request_errno(r);
        goto fail;
    }
    /* The kernel answers at once; a lost answer must not stop the process for good. */
    struct timeval patience = {.tv_sec = 5};
    if (setsockopt(nl_socket_get_fd(n->socket), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
        r = -errno;
        goto fail;
    }
    if (nl_socket_set_buffer_size(n->socket, 1 << 20, 1 << 18) < 0 ||
        nl_socket_set_msg_buf_size(n->socket, 1 << 16) < 0) {
        r = -ENOMEM;
        goto fail;
    }
    nl_cb_set(n->callbacks, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, n);
    nl_cb_set(n->callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_valid, n);
    nl_cb_set(n->callbacks, NL_CB_FINISH, NL_CB_CUSTOM, on_end, n);
    nl_cb_set(n->callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_end, n);
    nl_cb_err(n->callbacks, NL_CB_CUSTOM, on_error, n);
    *ret = n;
    return 0;
fail:
    netlink_free(n);
    return r;
}

void netlink_free(struct netlink *n)
{
    if (!n)
        return;
    if (n->callbacks)
        nl_cb_put(n->callbacks);
    if (n->socket)
        nl_socket_free(n->socket);
    free(n);
}

struct nl_msg *request_new(int type, int flags, const void *header, size_t len)
{
    struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);
    if (m && nlmsg_append(m, (void *)header, len, NLMSG_ALIGNTO) < 0) {
        nlmsg_free(m);
        return NULL;
    }
    return m;
}

int request_run(struct netlink *n, struct nl_msg *m, bool failed,
                void (*each)(void *user, struct nlmsghdr *h), void *user)
{
    if (!m)
        return -ENOMEM;
    if (failed) {
        nlmsg_free(m);
        return -EMSGSIZE;
    }
    bool dump = (nlmsg_hdr(m)->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    if (!dump)
        nlmsg_hdr(m)->nlmsg_flags |= NLM_F_ACK;
    n->each = each;
    n->user = user;
    n->verdict = 0;
    n->done = false;
    nl_complete_msg(n->socket, m);
    n->sequence = nlmsg_hdr(m)->nlmsg_seq;
    int r = nl_send(n->socket, m);
    nlmsg_free(m);
    while (r >= 0 && !n->done)
        r = nl_recvmsgs(n->socket, n->callbacks);
    if (n->done)
        return n->verdict;
    return request_errno(r);
}

int put_address(struct nl_msg *m, int attribute, const struct address *a)
{
    return nla_put(m, attribute, (int)address_len(a), a->bytes);
}

struct address get_address(const struct nlattr *a)
{
    if (!a)
        return (struct address){0};
    return address_of(nla_data(a), (size_t)nla_len(a));
}

int kernel_family(uint8_t family)
{
    return family == ADDRESS_V4 ? AF_INET : family == ADDRESS_V6 ? AF_INET6 : AF_UNSPEC;
}

uint8_t own_family(int family)
{
    return family == AF_INET ? ADDRESS_V4 : family == AF_INET6 ? ADDRESS_V6 : ADDRESS_NONE;
}
