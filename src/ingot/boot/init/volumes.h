/* SPDX-License-Identifier: Apache-2.0 */
/* Declarations for checks of file systems: mount point, contents and attributes of files. */
#ifndef INGOT_INIT_VOLUMES_H
#define INGOT_INIT_VOLUMES_H

#define PLACE "/tmp/place"
#define CONTENT "proof\n"

void must_hold(const char *path, const char *content);
/* `kind` is acl (POSIX), security (labels of LSMs) or xattr (trusted.*) */
void set_attribute(const char *path, const char *kind);
void must_keep(const char *path, const char *kind);

#endif
