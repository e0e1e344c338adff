/* SPDX-License-Identifier: Apache-2.0 */
/* What every test of this room includes: cmocka with the headers it wants in front of it. */
#ifndef TESTS_UNIT_BASE_TEST_H
#define TESTS_UNIT_BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
