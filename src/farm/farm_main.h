/* SPDX-License-Identifier: Apache-2.0 */
/* `holdfast lab farm`: a farm of spokes in the network namespace that it is started in, told what to do by
 * lines on standard input or, with --socket, by that local socket (command.h). */
#ifndef FARM_FARM_MAIN_H
#define FARM_FARM_MAIN_H

int farm_main(int argc, char **argv);

#endif
