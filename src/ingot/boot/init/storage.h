/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of storage.c for checks of file systems. */
#ifndef INGOT_INIT_STORAGE_H
#define INGOT_INIT_STORAGE_H

#include <stddef.h>

/* a loop device over the file; its name is written to `device` */
int loop_device(const char *path, int read_only, char *device, size_t size);

#endif
