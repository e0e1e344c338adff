/* SPDX-License-Identifier: Apache-2.0 */
/* The log: a ring of lines in memory that outlives control (`show logging`), and standard error or syslog.
 *
 *     *Nov 23 15:04:05.123: %CRYPTO-6-ISAKMP_ON_OFF: ISAKMP is ON
 */
#ifndef CONTROL_LOG_H
#define CONTROL_LOG_H

#include "base/bytes.h"

enum { LOG_LINE_MAX = 1024 };

struct log;

/* `region` as the supervisor made it, zeroed or used by a predecessor (what is in it stays). NULL region: no
 * ring. */
struct log *log_new(void *region, size_t size, bool to_stderr);
void log_free(struct log *l);
/* `facility` "CRYPTO", severity 0..7, `mnemonic` "ISAKMP_ON_OFF". */
void log_line(struct log *l, const char *facility, uint8_t severity, const char *mnemonic, const char *format,
              ...) __attribute__((format(printf, 5, 6)));
/* A line of `debug`: stamp and text alone. */
void log_debug(struct log *l, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Every whole line in the ring, oldest first; `line` ends with a newline. */
void log_each(const struct log *l, void (*visit)(void *context, struct bytes line), void *context);
void log_clear(struct log *l);
/* Lines so far (also those overwritten), and bytes that the ring holds. */
uint64_t log_count(const struct log *l);
size_t log_size(const struct log *l);
/* Gets each line as it is written (`terminal monitor`, `debug`); NULL: nobody. */
void log_listen(struct log *l, void (*hear)(void *context, struct bytes line), void *context);

/* "Nov 23 15:04:05.123" of a wall time. Returns `out`. */
char *log_stamp(uint64_t wall_ns, char out[32]);

#endif
