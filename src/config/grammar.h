/* SPDX-License-Identifier: Apache-2.0 */
/* The command language as data: one table entry per command serves the file parser, `configure terminal`,
 * completion,
 * `?`, the writer of `show running-config` and the command reference. The exec commands (`show`, `clear` ...)
 * of the control process are tables of the same engine.
 *
 * A grammar text is a line as one would type it:
 *
 *     "crypto isakmp keepalive <10-3600>:seconds [<2-60>:retry] [periodic|on-demand]"
 *
 *   word        a keyword, lower case; may be abbreviated to a unique prefix (numbers may not)
 *   <A-B>       a number of that range
 *   IPV4 IPV6 ADDRESS (either) MASK WILDCARD PREFIX6 (X:X::X/64) NAME HOSTNAME INTERFACE PORT KEY (any word)
 * LINE (the rest) [a|b]       none or one of them     {a|b}  one of them [a|b]...    any number of them
 * {a|b}... or NAME...   at least one :label      after a word or value: how the handler asks for it (default:
 * the word itself, or the type's name in lower case)
 *
 * It is compiled once to a graph in which each token knows what may follow it (Glushkov's construction), at
 * most 64 tokens a command. Matching walks all commands of a mode at once, so that an abbreviation is judged
 * against all of them.
 */
#ifndef CONFIG_GRAMMAR_H
#define CONFIG_GRAMMAR_H

#include "base/address.h"
#include "config/text.h"

enum {
    GRAMMAR_MAX_NODES = 64,  /* tokens in the grammar of one command */
    GRAMMAR_MAX_TOKENS = 64, /* tokens of one line */
    GRAMMAR_MAX_LINE = 1000, /* characters of one line */
    GRAMMAR_MAX_MODES = 64,
    GRAMMAR_FAULT_TEXT = 512,
};

/* Modes are numbers; 0 is the exec mode, those of the configuration are in session.h. */
enum { GRAMMAR_MODE_EXEC = 0, GRAMMAR_MODE_NONE = 255 };

enum grammar_type {
    GRAMMAR_KEYWORD,
    GRAMMAR_NUMBER,
    GRAMMAR_IPV4,
    GRAMMAR_IPV6,
    GRAMMAR_ADDRESS,
    GRAMMAR_MASK,
    GRAMMAR_WILDCARD,
    GRAMMAR_PREFIX6,
    GRAMMAR_INTERFACE,        /* the whole name in one token */
    GRAMMAR_INTERFACE_TYPE,   /* the first of two tokens: `FastEthernet 0/0` */
    GRAMMAR_INTERFACE_NUMBER, /* the second */
    GRAMMAR_PORT,             /* a number or a name such as isakmp */
    GRAMMAR_HOSTNAME,
    GRAMMAR_NAME, /* letters, digits and punctuation, at most 63 */
    GRAMMAR_KEY,  /* any word */
    GRAMMAR_LINE, /* the rest of the line */
};

enum grammar_flag {
    GRAMMAR_KEPT = 1,        /* known, without effect here */
    GRAMMAR_UNSUPPORTED = 2, /* known, refused by name */
    GRAMMAR_CAN_PIPE = 4,    /* `| include RE` and the like may follow */
    GRAMMAR_HIDDEN = 8,      /* not offered, not in the reference */
};

struct config;
struct config_writer;
struct grammar_call;

struct grammar_command {
    uint8_t mode;   /* where it is known */
    uint8_t enters; /* the mode after it; 0 (exec is never entered so): stays */
    uint8_t flags;
    uint8_t no_tokens; /* how many tokens make a `no` form complete; 0: there is none; 255: all of them */
    uint8_t section;   /* of a kept line: enum config_section */
    uint16_t id;       /* for the owner of the table */
    const char *grammar;
    const char *help;     /* one line per word or value of the grammar, in its order */
    const char *about;    /* one sentence for the reference; may be NULL */
    const char *standard; /* the default, for the reference; may be NULL */
    /* Changes the model; reports through call->user. 0 or a negative errno. NULL in exec tables. */
    int (*apply)(struct grammar_call *call);
    /* Writes all lines of this command that the model (or `object`, in a sub-mode) asks for. */
    void (*write)(struct config_writer *w, const struct config *c, const void *object);
};

struct grammar_mode {
    uint8_t id;
    uint8_t parent;     /* where lines go that this mode does not know; GRAMMAR_MODE_NONE: nowhere */
    const char *prompt; /* "config-if" */
    const char *title;  /* for the reference */
};

struct grammar_node {
    uint8_t type;
    const char *text;  /* a keyword */
    const char *label; /* how handlers ask for it */
    const char *help;
    uint64_t low, high; /* of a number */
    uint64_t follow;    /* which nodes may come next, one bit each */
};

struct grammar_compiled {
    const struct grammar_command *command;
    struct grammar_node *nodes;
    uint8_t count;
    uint64_t first, last;
    char *strings; /* keywords, labels and helps */
};

struct grammar {
    struct grammar_compiled *commands;
    uint32_t count, capacity;
    struct grammar_mode modes[GRAMMAR_MAX_MODES];
    uint8_t mode_count;
};

void grammar_init(struct grammar *g);
void grammar_done(struct grammar *g);
/* The table must outlive the grammar. -ENOMEM; -EINVAL where a grammar text or the number of its help lines
 * is wrong. */
int grammar_add(struct grammar *g, const struct grammar_command *commands, size_t count) must_check;
int grammar_add_modes(struct grammar *g, const struct grammar_mode *modes, size_t count) must_check;
const struct grammar_mode *grammar_find_mode(const struct grammar *g, uint8_t mode);

struct grammar_value {
    const struct grammar_node *node;
    const char *text;       /* the token as typed; interfaces: the canonical name */
    uint16_t column;        /* 1.. */
    uint64_t number;        /* NUMBER, PORT; MASK: its length; WILDCARD: host order */
    struct address address; /* IPV4, IPV6, ADDRESS, PREFIX6, MASK, WILDCARD */
    uint8_t length;         /* of PREFIX6 and MASK */
};

enum grammar_filter {
    GRAMMAR_FILTER_NONE,
    GRAMMAR_FILTER_INCLUDE,
    GRAMMAR_FILTER_EXCLUDE,
    GRAMMAR_FILTER_BEGIN,
    GRAMMAR_FILTER_SECTION,
    GRAMMAR_FILTER_COUNT,
    GRAMMAR_FILTER_JSON,
};

/* A line that matched. */
struct grammar_call {
    const struct grammar_command *command;
    void *user;
    bool no, is_default;
    bool abbreviated;        /* some keyword was not written out */
    uint8_t filter;          /* enum grammar_filter */
    const char *filter_text; /* the regular expression, where the filter has one */
    uint16_t end_column;     /* just after the line */
    uint8_t count;
    struct grammar_value values[GRAMMAR_MAX_TOKENS];
    size_t storage_len;
    char storage[2 * GRAMMAR_MAX_LINE + 2]; /* what `text` points to; may hold a key: grammar_call_wipe */
};

enum grammar_result {
    GRAMMAR_OK,
    GRAMMAR_EMPTY, /* blank or a comment */
    GRAMMAR_UNKNOWN,
    GRAMMAR_AMBIGUOUS,
    GRAMMAR_INCOMPLETE,
};

struct grammar_fault {
    uint8_t result;  /* enum grammar_result */
    uint8_t depth;   /* tokens understood before it */
    uint8_t enters;  /* the mode that this line was about to enter, or 0 */
    uint16_t column; /* of the offending token, 1.. */
    char text[GRAMMAR_FAULT_TEXT];
};

/* Matches a line against the commands of one mode (not of its parents). `ret_call` is untouched unless
 * GRAMMAR_OK, `ret_fault` is set unless GRAMMAR_OK. */
enum grammar_result grammar_match(const struct grammar *g, uint8_t mode, const char *line,
                                  struct grammar_call *ret_call, struct grammar_fault *ret_fault);
/* The same, and where `mode` does not know the line, its parents are asked; also where `mode` knows
 * it only as an abbreviation (`ip route` of `ip route-cache`), but a parent as it stands. `ret_mode` gets the
 * mode that knew it; on failure the fault of whichever understood more. */
enum grammar_result grammar_match_up(const struct grammar *g, uint8_t mode, const char *line,
                                     struct grammar_call *ret_call, uint8_t *ret_mode,
                                     struct grammar_fault *ret_fault);
void grammar_call_wipe(struct grammar_call *call);

/* The value with that label (the first, or the first after `after`), or NULL. Where a keyword and a value
 * have the same label, the value is meant. */
const struct grammar_value *grammar_arg(const struct grammar_call *call, const char *label);
const struct grammar_value *grammar_arg_after(const struct grammar_call *call, const char *label,
                                              const struct grammar_value *after);
bool grammar_has(const struct grammar_call *call, const char *label);
/* Its number, or `otherwise` where it was not given. */
uint64_t grammar_number(const struct grammar_call *call, const char *label, uint64_t otherwise);
/* The keywords of the call, unabbreviated, and its values as typed: "no ip domain-lookup". */
void grammar_call_print(const struct grammar_call *call, struct text *out);

struct grammar_candidate {
    char text[64]; /* "isakmp", "<10-3600>", "A.B.C.D", "<cr>" */
    const char *help;
    bool literal; /* can be typed as it stands */
};

/* What may stand at the end of `text`: after a blank the next token, else how the last one may go on. Sorted,
 * each once. Returns how many there are, of which at most `max` are in `ret`. */
size_t grammar_complete(const struct grammar *g, uint8_t mode, const char *text,
                        struct grammar_candidate *ret, size_t max);
/* The characters that Tab adds to `text` (with a blank behind a finished keyword); false where nothing is to
 * be added. */
bool grammar_complete_tab(const struct grammar *g, uint8_t mode, const char *text, char *ret, size_t size);

/* The command reference of one mode (or of all: GRAMMAR_MODE_NONE) as Markdown. */
void grammar_reference(const struct grammar *g, uint8_t mode, struct text *out);

/* How a value is shown in help and messages: "<10-3600>", "A.B.C.D", "WORD". */
void grammar_node_print(const struct grammar_node *n, char out[64]);

#endif
