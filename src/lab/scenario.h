/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario as read from its folder: topology.lab (variants, nodes, links) and timeline.lab (flows, watches,
 * steps). docs/lab.md describes the language. Always holds after a load without error: every name that a
 * statement refers to exists, every device belongs to exactly one link, every configuration file was found,
 * every regular expression compiles. All arrays are bounded; the limits are reported like any other error. */
#ifndef LAB_SCENARIO_H
#define LAB_SCENARIO_H

#include "base/address.h"
#include "base/time.h"
#include "lab/script.h"

enum {
    SCENARIO_NODES = 64,
    SCENARIO_LINKS = 96,
    SCENARIO_ENDS = 16, /* of one link */
    SCENARIO_NODE_ADDRESSES = 32,
    SCENARIO_NODE_ROUTES = 64,
    SCENARIO_NODE_SYSCTLS = 16,
    SCENARIO_VARIANTS = 32,
    SCENARIO_VALUES = 32, /* `set` of one variant */
    SCENARIO_FLOWS = 64,
    SCENARIO_WATCHES = 32,
    SCENARIO_WATCH_PREFIXES = 8,
    SCENARIO_CAPTURES = 32,
    SCENARIO_MARKS = 16,
    SCENARIO_STEPS = 512,
    SCENARIO_STEP_NAMES = 16,
    SCENARIO_DEVICE = 16,
};

enum node_kind { NODE_HOST, NODE_ROUTER, NODE_GATEWAY, NODE_FARM };

struct node_address {
    char device[SCENARIO_DEVICE];
    struct prefix prefix; /* host bits kept */
};

struct node_route {
    struct prefix destination;
    struct address via;
    uint32_t metric; /* 0: the kernel's default */
};

struct node_sysctl {
    char *key; /* dotted */
    char *value;
};

/* Bits of node.routing: FRR's daemons, beside zebra. */
enum { NODE_ROUTING_OSPF = 1, NODE_ROUTING_EIGRP = 2 };

struct node {
    char name[SCRIPT_NAME];
    enum node_kind kind;
    struct node_address addresses[SCENARIO_NODE_ADDRESSES];
    unsigned address_count;
    struct node_route routes[SCENARIO_NODE_ROUTES];
    unsigned route_count;
    struct node_sysctl sysctls[SCENARIO_NODE_SYSCTLS];
    unsigned sysctl_count;
    uint8_t routing; /* FRR runs there; 0: not */
    char *config;  /* gateways: path of the file of the chosen variant; routers: of FRR's, where that runs */
    char *options; /* farms: of `holdfast lab farm` */
    struct {       /* farms: the far end of their traffic */
        bool given;
        unsigned node;
        struct address address;
    } partner;
};

struct link_end {
    unsigned node;
    char device[SCENARIO_DEVICE];
};

struct lab_link {
    char name[SCRIPT_NAME];
    struct link_end ends[SCENARIO_ENDS];
    unsigned end_count;
    uint32_t mtu; /* 0: the kernel's default */
};

struct variant {
    char name[SCRIPT_NAME];
    char *text; /* may be NULL */
    struct {
        char name[SCRIPT_NAME];
        char *value;
    } values[SCENARIO_VALUES];
    unsigned value_count;
};

struct flow {
    char name[SCRIPT_NAME];
    unsigned from, to; /* nodes */
    struct address source, destination;
    uint32_t rate; /* packets a second */
    uint32_t size; /* bytes of UDP payload, or of a record on TCP */
    bool tcp;      /* records on one TCP connection */
};

struct watch {
    char name[SCRIPT_NAME];
    unsigned link, end;  /* whose wire is watched */
    struct address host; /* only packets from or to it are counted, where set */
    struct prefix clear[SCENARIO_WATCH_PREFIXES];
    unsigned clear_count;
};

/* Everything at one end of a link, in a file (recorder.h). */
struct lab_capture {
    char name[SCRIPT_NAME];
    unsigned link, end;
};

/* The `judge` step: what the capture judge is asked. */
struct judge_plan {
    struct {
        unsigned capture;
        uint8_t role;   /* enum judge_role */
        unsigned group; /* of insides */
    } captures[SCENARIO_CAPTURES];
    unsigned capture_count;
    unsigned groups;
    struct prefix clear[SCENARIO_WATCH_PREFIXES];
    unsigned clear_count;
    struct {
        unsigned from;
        int until; /* a mark; -1: the end */
    } quiet[SCENARIO_MARKS];
    unsigned quiet_count;
    uint64_t least, delivered;
};

enum condition_kind {
    CONDITION_FLOW,     /* a figure of a flow */
    CONDITION_RECEIVES, /* a flow delivers again */
    CONDITION_WATCH,    /* a count of a watch */
    CONDITION_CLI,      /* output of a command of a gateway */
    CONDITION_EXEC,     /* output or success of a command in a node */
    CONDITION_JSON,     /* a value in the JSON output of a command of a gateway */
    CONDITION_RUNNING,  /* a gateway answers, or one of its processes lives */
    CONDITION_FARM,     /* a value in what a farm says of itself */
};

enum compare {
    COMPARE_EQ,
    COMPARE_NE,
    COMPARE_LT,
    COMPARE_LE,
    COMPARE_GT,
    COMPARE_GE,
    COMPARE_MATCHES,
    COMPARE_OK
};

enum flow_metric {
    FLOW_SENT,
    FLOW_RECEIVED,
    FLOW_LOST,
    FLOW_DUPLICATED,
    FLOW_REORDERED,
    FLOW_LONGEST_GAP_MS,
    FLOW_GAP_LESS_STALL_MS,
    FLOW_METRICS
};

enum watch_direction { WATCH_BOTH, WATCH_IN, WATCH_OUT, WATCH_NEITHER };

enum role { ROLE_SUPERVISOR, ROLE_CONTROL, ROLE_ENGINE, ROLE_ANY };

struct condition {
    enum condition_kind kind;
    unsigned subject; /* flow, watch or node */
    unsigned metric;  /* enum flow_metric or enum packet_kind */
    enum watch_direction direction;
    enum role role; /* CONDITION_RUNNING */
    enum compare compare;
    bool negated;  /* `not matches` */
    double number; /* flows and watches */
    char *command;
    char *path;    /* JSON */
    char *operand; /* pattern or value */
    char *text;    /* as written, for reports */
};

enum step_kind {
    STEP_START,
    STEP_STOP,
    STEP_RESET,
    STEP_CUT,
    STEP_BLACKHOLE,
    STEP_LOSSY,
    STEP_REPAIR,
    STEP_KILL,
    STEP_FREEZE,
    STEP_THAW,
    STEP_RESTART,
    STEP_EXEC,
    STEP_CLI,
    STEP_FARM,
    STEP_SAY,
    STEP_PAUSE,
    STEP_WAIT,
    STEP_CHECK,
    STEP_MARK,
    STEP_JUDGE
};

enum step_when { WHEN_NOW, WHEN_AT, WHEN_AFTER };

struct step {
    enum step_kind kind;
    enum step_when when;
    ns time;                             /* of `at` or `after` */
    unsigned names[SCENARIO_STEP_NAMES]; /* flows of start and stop, watches of reset */
    unsigned name_count;
    unsigned link;
    unsigned node;
    bool one_end;                   /* `at NODE` was given */
    unsigned end;                   /* which one */
    enum watch_direction direction; /* of a blackhole at one end, seen from its node */
    double loss;                    /* percent */
    enum role role;
    bool routing; /* kill and restart: FRR of the node */
    ns timeout;   /* wait */
    char *text;   /* command or words to say */
    char *label;  /* `as` of wait, check and judge; may be NULL */
    struct condition condition;
    unsigned mark;            /* which one is set */
    struct judge_plan *judge; /* may be NULL */
    unsigned line;            /* in timeline.lab */
    char *source;             /* the statement as written, for reports */
};

struct scenario {
    char name[SCRIPT_NAME]; /* the folder's */
    char *folder;           /* absolute */
    char *title;            /* may be NULL */
    struct variant variants[SCENARIO_VARIANTS];
    unsigned variant_count;
    unsigned variant; /* the chosen one; SCENARIO_VARIANTS without variants */
    struct node nodes[SCENARIO_NODES];
    unsigned node_count;
    struct lab_link links[SCENARIO_LINKS];
    unsigned link_count;
    struct flow flows[SCENARIO_FLOWS];
    unsigned flow_count;
    struct watch watches[SCENARIO_WATCHES];
    unsigned watch_count;
    struct lab_capture captures[SCENARIO_CAPTURES];
    unsigned capture_count;
    char marks[SCENARIO_MARKS][SCRIPT_NAME];
    unsigned mark_count;
    struct step steps[SCENARIO_STEPS];
    unsigned step_count;
};

/* Reads FOLDER/topology.lab and the timeline, if there is one: FOLDER/VARIANT/timeline.lab before
 * FOLDER/timeline.lab. `variant` NULL chooses the first. On failure returns NULL and writes one message
 * (file:line:column: what) into `error`. */
struct scenario *scenario_load(const char *folder, const char *variant, char error[SCRIPT_ERROR]);
void scenario_free(struct scenario *s);

/* The two halves, for tests: content comes from memory and configuration files are not looked for when
 * s->folder is NULL. False with t->error set. */
struct scenario *scenario_new(void);
bool scenario_parse_topology(struct scenario *s, struct script *t, const char *variant);
bool scenario_parse_timeline(struct scenario *s, struct script *t);
/* One step, as in timeline.lab; `lab fault` uses it. */
bool scenario_parse_step(const struct scenario *s, struct script *t, struct statement *st, struct step *ret);
void step_done(struct step *step);
/* Lookup for struct script: a value of the chosen variant. */
const char *scenario_value(const void *scenario, const char *name);

/* Index, or -1. */
int scenario_find_node(const struct scenario *s, const char *name);
int scenario_find_link(const struct scenario *s, const char *name);
int scenario_find_flow(const struct scenario *s, const char *name);
int scenario_find_watch(const struct scenario *s, const char *name);
int scenario_find_capture(const struct scenario *s, const char *name);
int scenario_find_mark(const struct scenario *s, const char *name);
const char *scenario_variant_name(const struct scenario *s); /* "default" without variants */

/* ADDRESS or ADDRESS/LENGTH; host bits are kept. */
bool script_prefix(const char *text, struct prefix *ret);

const char *node_kind_name(enum node_kind kind);
const char *role_name(enum role role);
const char *flow_metric_name(enum flow_metric metric);
const char *compare_name(enum compare compare);
bool compare_numbers(double a, enum compare compare, double b);

#endif
