/* SPDX-License-Identifier: Apache-2.0 */
/* What checks of file systems share: where they mount, what files hold, attributes of files. */
#ifndef INGOT_INIT_VOLUMES_H
#define INGOT_INIT_VOLUMES_H

#define PLACE "/tmp/place"
#define CONTENT "proof\n"

void must_hold(const char *path, const char *content);
/* `kind` is acl (POSIX), security (what LSMs label files with) or xattr (trusted.*) */
void set_attribute(const char *path, const char *kind);
void must_keep(const char *path, const char *kind);

#endif
