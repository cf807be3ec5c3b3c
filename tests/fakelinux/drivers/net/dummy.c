/* drivers/net/dummy.c: of a kernel tree as small as it can be. */
