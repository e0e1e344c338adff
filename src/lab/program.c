/* SPDX-License-Identifier: Apache-2.0 */
/* `holdfast-lab`, the lab alone: what the lab's own tests run, without the gateway's command line. Not
 * installed. */
#include "lab/lab.h"

int main(int argc, char **argv)
{
    return lab_main(argc, argv);
}
