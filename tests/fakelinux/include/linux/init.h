/* include/linux/init.h: of a kernel tree as small as it can be. */
