/* SPDX-License-Identifier: Apache-2.0 */
/* The program `holdfast`; all of it is in cli.h, so that tests can link it. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
