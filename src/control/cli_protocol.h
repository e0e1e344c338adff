/* SPDX-License-Identifier: Apache-2.0 */
/* What the command `holdfast` and control say to each other over RUN/control.sock: lines of JSON both ways.
 *
 * The command sends, and waits for the answer before it sends the next (it may send ahead: answers come in
 * order):
 *
 *     {"line": "show crypto isakmp sa | json"}    a line of the connection's mode; exec at first
 *     {"complete": "sh cry"}                      what may follow the end of the text (`?`), and what Tab
 * adds
 *     {"interrupt": true}                         stops a command that runs (ping)
 *
 * Control answers a line by any number of
 *
 *     {"text": "dst             src ...\n"}
 *
 * and one
 *
 *     {"status": 0, "prompt": "hub(config)#", "mode": "config"}
 *
 * status 0: done, 1: failed (the text says why). mode: "exec", or the mode of the configuration as in its
 * prompt. An answer to "complete" is one line:
 *
 *     {"tab": "pto ", "candidates": [{"text": "crypto", "help": "Encryption subsystem", "literal": true}]}
 *
 * While `terminal monitor` is on, lines {"log": "*Nov 23 ..."} may come at any time.
 */
#ifndef CONTROL_CLI_PROTOCOL_H
#define CONTROL_CLI_PROTOCOL_H

enum { CLI_REQUEST_MAX = 64 * 1024, CLI_CLIENTS_MAX = 64, CLI_CANDIDATES_MAX = 256 };

#endif
