/* A PVH entry for an x86_64 kernel that has none: Linux before 5.0 (CONFIG_PVH).
 *
 * QEMU enters an uncompressed kernel only the PVH way: 32-bit, paging off, %ebx pointing at a
 * struct hvm_start_info (Xen: docs/misc/pvh.pandoc, public/arch-x86/hvm/start_info.h). Such a
 * kernel only knows the 64-bit boot protocol, which is how Firecracker enters every kernel: long
 * mode, the first 4 GiB mapped one to one, %rsi pointing at the zero page (kernel:
 * Documentation/x86/boot.rst "64-bit Boot Protocol", zero-page.rst). This goes from one to the
 * other. KERNEL_ENTRY is the entry point that the kernel's ELF header names.
 */

#define BASE        0x100000	/* where this is loaded: below any kernel, above the BIOS */
#define ZERO_PAGE   0x110000
#define PAGE_TABLES 0x111000	/* PML4, PDPT, four page directories */
#define PAGES       7

#define CODE_SELECTOR 0x10	/* __BOOT_CS */
#define DATA_SELECTOR 0x18	/* __BOOT_DS */

/* struct hvm_start_info */
#define NR_MODULES     12
#define MODLIST        16
#define CMDLINE        24
#define RSDP           32
#define MEMMAP         40
#define MEMMAP_ENTRIES 48
#define MEMMAP_ENTRY_SIZE 24

/* struct boot_params */
#define ACPI_RSDP_ADDR   0x070
#define E820_ENTRIES     0x1e8
#define BOOT_FLAG        0x1fe
#define HEADER           0x202
#define TYPE_OF_LOADER   0x210
#define RAMDISK_IMAGE    0x218
#define RAMDISK_SIZE     0x21c
#define CMD_LINE_PTR     0x228
#define KERNEL_ALIGNMENT 0x230
#define CMDLINE_SIZE     0x238
#define E820_TABLE       0x2d0
#define E820_MAX         128

	.text
	.code32
	.globl _start
_start:
	cld
	movl	%ebx, %ebp

	movl	$ZERO_PAGE, %edi
	xorl	%eax, %eax
	movl	$(PAGES * 4096 / 4), %ecx
	rep stosl

	movl	$ZERO_PAGE, %edi
	movw	$0xaa55, BOOT_FLAG(%edi)
	movl	$0x53726448, HEADER(%edi)	/* "HdrS" */
	movb	$0xff, TYPE_OF_LOADER(%edi)	/* a loader without a number of its own */
	movl	$0x1000000, KERNEL_ALIGNMENT(%edi)
	movl	CMDLINE(%ebp), %eax
	movl	%eax, CMD_LINE_PTR(%edi)
	movl	$2047, CMDLINE_SIZE(%edi)
	movl	RSDP(%ebp), %eax
	movl	%eax, ACPI_RSDP_ADDR(%edi)

	cmpl	$0, NR_MODULES(%ebp)		/* the first module is the initramfs */
	je	1f
	movl	MODLIST(%ebp), %esi
	movl	(%esi), %eax
	movl	%eax, RAMDISK_IMAGE(%edi)
	movl	8(%esi), %eax
	movl	%eax, RAMDISK_SIZE(%edi)
1:
	/* the memory map: same types; entries of 24 bytes become ones of 20 */
	movl	MEMMAP_ENTRIES(%ebp), %edx
	cmpl	$E820_MAX, %edx
	jbe	2f
	movl	$E820_MAX, %edx
2:
	movb	%dl, E820_ENTRIES(%edi)
	movl	MEMMAP(%ebp), %ebx
	leal	E820_TABLE(%edi), %edi
3:
	testl	%edx, %edx
	jz	4f
	movl	%ebx, %esi
	movl	$5, %ecx
	rep movsl
	addl	$MEMMAP_ENTRY_SIZE, %ebx
	decl	%edx
	jmp	3b
4:
	/* one to one, in pages of 2 MiB, present and writable */
	movl	$PAGE_TABLES, %edi
	leal	0x1003(%edi), %eax
	movl	%eax, (%edi)			/* PML4[0]: the PDPT behind it */
	movl	$4, %ecx
	leal	0x1000(%edi), %ebx
	leal	0x2003(%edi), %eax
5:
	movl	%eax, (%ebx)			/* PDPT[0..3]: the four directories behind it */
	addl	$8, %ebx
	addl	$0x1000, %eax
	loop	5b
	leal	0x2000(%edi), %ebx
	movl	$2048, %ecx
	movl	$0x83, %eax
6:
	movl	%eax, (%ebx)
	addl	$8, %ebx
	addl	$0x200000, %eax
	loop	6b

	movl	%cr4, %eax
	orl	$0x20, %eax			/* PAE */
	movl	%eax, %cr4
	movl	%edi, %cr3
	movl	$0xc0000080, %ecx		/* EFER */
	rdmsr
	orl	$0x100, %eax			/* LME */
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000001, %eax		/* PG, PE */
	movl	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$CODE_SELECTOR, $long_mode

	.code64
long_mode:
	movl	$DATA_SELECTOR, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$ZERO_PAGE, %esi
	movabsq	$KERNEL_ENTRY, %rax
	jmp	*%rax

	.balign	8
gdt:
	.quad	0, 0
	.quad	0x00af9b000000ffff		/* code, 64-bit */
	.quad	0x00cf93000000ffff		/* data */
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt
