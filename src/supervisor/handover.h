/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptors that the supervisor holds and every process it starts finds under the same number, so that
 * a successor goes on with the same sockets, queues and memory. */
#ifndef SUPERVISOR_HANDOVER_H
#define SUPERVISOR_HANDOVER_H

enum handover_fd {
    HANDOVER_SAD = 20,       /* memfd: struct sad */
    HANDOVER_SPD,            /* memfd: struct spd */
    HANDOVER_RECORDS,        /* memfd: record store. Control only */
    HANDOVER_RUNNING_CONFIG, /* memfd: text of the running configuration. Control only */
    HANDOVER_LOG,            /* memfd: the ring of `show logging`. Control only */
    HANDOVER_TUN,            /* TUN device, IFF_VNET_HDR. Engine only */
    HANDOVER_UDP500_V4,      /* IKE. Control only */
    HANDOVER_UDP500_V6,
    HANDOVER_UDP4500_IKE_V4, /* the kernel sorts port 4500: messages with the non-ESP marker. Control only */
    HANDOVER_UDP4500_IKE_V6,
    HANDOVER_UDP4500_ESP_V4, /* and ESP. Engine only; control sends NAT keepalives by the former */
    HANDOVER_UDP4500_ESP_V6,
    HANDOVER_ESP_V4, /* raw sockets, v4 with IP_HDRINCL. Engine only */
    HANDOVER_ESP_V6,
    HANDOVER_AH_V4,
    HANDOVER_AH_V6,
    HANDOVER_ICMP_V4, /* raw: path MTU messages that come in. Engine only */
    HANDOVER_ICMP_V6,
    HANDOVER_CHANNEL_CONTROL, /* SOCK_SEQPACKET pair: control's end */
    HANDOVER_CHANNEL_ENGINE,  /* the engine's end */
    HANDOVER_CLI,             /* listening UNIX stream socket, control.sock. Control only */
    HANDOVER_SUPERVISOR,      /* control's end of a SOCK_SEQPACKET pair to the supervisor */
    HANDOVER_END,
};

/* Every packet and message that we send ourselves carries this mark: the rule that leads interesting traffic
 * into the TUN device passes it by. */
enum { HOLDFAST_MARK = 0x48464601 };

/* The TUN device and the routing table that leads to it. */
#define HOLDFAST_TUN_NAME "holdfast0"
enum { HOLDFAST_TABLE = 18502, HOLDFAST_RULE_PRIORITY = 18500 };

#endif
