// SPDX-License-Identifier: Apache-2.0
/* Checks of the machine: drivers, CPU hotplug, guests inside the guest. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "init.h"

static void driver(char **words)
{
	for (char **name = words + 1; *name; name++) {
		char path[160];
		struct dirent *entry;
		int bound = 0;
		DIR *directory;

		snprintf(path, sizeof(path), "/sys/bus/%s/drivers/%s", words[0], *name);
		directory = opendir(path);
		if (!directory)
			fail_errno("there is no driver %s", *name);
		while ((entry = readdir(directory)) != NULL)
			bound |= entry->d_type == DT_LNK && strcmp(entry->d_name, "module") != 0;
		closedir(directory);
		if (!bound)
			fail("%s has no device", *name);
	}
	pass("has a device");
}

static void random_device(char **words)
{
	char current[64];
	uint8_t bytes[16] = { 0 };
	int device, zeros = 0;

	need(read_file("/sys/class/misc/hw_random/rng_current", current, sizeof(current)),
	     "the kernel has no source of random numbers");
	if (strncmp(current, words[0], strlen(words[0])) != 0)
		fail("the source is %s", current);
	device = need(open("/dev/hwrng", O_RDONLY | O_CLOEXEC), "/dev/hwrng");
	if (read(device, bytes, sizeof(bytes)) != sizeof(bytes))
		fail_errno("/dev/hwrng returns no bytes");
	for (size_t index = 0; index < sizeof(bytes); index++)
		zeros += bytes[index] == 0;
	if (zeros > 8)
		fail("/dev/hwrng returns only zeros");
	pass("16 bytes");
}

/* the kernel's count of an event since it started; -1 if it does not count it */
static long long count_of(const char *event)
{
	static char text[16384];
	size_t length = strlen(event);
	char *line = text;

	if (read_file("/proc/vmstat", text, sizeof(text)) < 0)
		return -1;
	for (; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, event, length) == 0 && line[length] == ' ')
			return atoll(line + length);
	return -1;
}

static void balloon(char **words)
{
	long long pages = 0;

	(void)words;
	for (int tries = 0; tries < 100 && pages == 0; tries++) {
		pages = count_of("balloon_inflate");
		if (pages == 0)
			usleep(20000);
	}
	if (pages < 0)
		fail("this kernel has no balloon, or does not count its pages");
	if (pages == 0)
		fail("the balloon returned nothing to the host");
	pass("%lld pages returned to the host", pages);
}

static void nodes(char **words)
{
	for (; *words; words++)
		need(await_node(*words), "%s", *words);
	pass("all open");
}

static void modules(char **words)
{
	if (access("/proc/modules", F_OK) < 0)
		skip("this kernel has no loadable modules, and no list of built-in ones");
	if (!lists_modules())
		skip("the guest has neither the kernel's modules nor its list of built-in ones");
	for (; *words; words++) {
		int error = modprobe(*words);

		if (error) {
			errno = -error;
			fail_errno("module %s", *words);
		}
	}
	pass("the kernel has all");
}

static void cpu_hotplug(char **words)
{
	char path[96], text[8];
	long last = sysconf(_SC_NPROCESSORS_CONF) - 1;

	(void)words;
	if (last < 1) {
		/* a single CPU cannot go offline: check only that the kernel supports it */
		need(access("/sys/devices/system/cpu/hotplug/states", F_OK), "the kernel has no CPU hotplug");
		pass("one CPU, and the kernel has CPU hotplug");
	}
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%ld/online", last);
	if (write_file(path, "0") < 0)
		fail_errno("CPU %ld does not go offline", last);
	if (write_file(path, "1") < 0)
		fail_errno("CPU %ld does not come back online", last);
	need(read_file(path, text, sizeof(text)), "%s", path);
	pass("CPU %ld went offline and came back", last);
}

#if defined(__x86_64__)

/* run real-mode code at 0x1000 that writes 42 to a port and stops the CPU */
static void run_guest(int vm, int size)
{
	static const uint8_t code[] = { 0xb0, 42, 0xe6, 0x10, 0xf4 }; /* al = 42; out 0x10; hlt */
	uint8_t *memory = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = { .guest_phys_addr = 0x1000, .memory_size = 0x1000,
						      .userspace_addr = (uint64_t)(uintptr_t)memory };
	struct kvm_regs registers = { .rip = 0x1000, .rflags = 2 };
	struct kvm_sregs segments;
	struct kvm_run *run;
	int cpu;

	memcpy(memory, code, sizeof(code));
	need(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "the nested guest gets no memory");
	cpu = need(ioctl(vm, KVM_CREATE_VCPU, 0), "the nested guest gets no CPU");
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	if (run == MAP_FAILED)
		fail_errno("the nested guest's CPU");
	need(ioctl(cpu, KVM_GET_SREGS, &segments), "the nested guest's registers");
	segments.cs.base = segments.cs.selector = 0;
	need(ioctl(cpu, KVM_SET_SREGS, &segments), "the nested guest's registers");
	need(ioctl(cpu, KVM_SET_REGS, &registers), "the nested guest's registers");
	need(ioctl(cpu, KVM_RUN, 0), "the nested guest does not run");
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != 0x10 ||
	    *((uint8_t *)run + run->io.data_offset) != 42)
		fail("the nested guest ended with exit reason %u", run->exit_reason);
	pass("a nested guest ran, and wrote 42");
}

static int cpu_can_virtualize(void)
{
	static char text[16384];

	return read_file("/proc/cpuinfo", text, sizeof(text)) > 0 &&
	       (has_word(text, "vmx") || has_word(text, "svm"));
}

#else

static void run_guest(int vm, int size)
{
	(void)size;
	need(ioctl(vm, KVM_CREATE_VCPU, 0), "the nested guest gets no CPU");
	pass("a nested guest with a CPU can be made");
}

static int cpu_can_virtualize(void)
{
	return 1;
}

#endif

static void kvm(char **words)
{
	int device, vm, size;

	(void)words;
	if (!cpu_can_virtualize())
		skip("the guest's CPU has neither vmx nor svm");
	modprobe("kvm-intel");
	modprobe("kvm-amd");
	device = need(await_node("/dev/kvm"), "/dev/kvm");
	vm = need(ioctl(device, KVM_CREATE_VM, 0), "KVM cannot make a virtual machine");
	size = need(ioctl(device, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM");
	run_guest(vm, size);
}

const struct verb_entry machine_verbs[] = {
	VERB("balloon", "", 0, 0,
	     "the balloon returns memory to the host, which requests it from the start", balloon),
	VERB("cpu-hotplug", "", 0, 0,
	     "the last CPU goes offline and comes back online", cpu_hotplug),
	VERB("driver", "BUS NAME...", 2, ANY_NUMBER,
	     "each driver of the bus has a device", driver),
	VERB("kvm", "", 0, 0,
	     "a virtual machine inside this one runs a few instructions", kvm),
	VERB("modules", "NAME...", 1, ANY_NUMBER,
	     "each module loads, or is built in", modules),
	VERB("nodes", "PATH...", 1, ANY_NUMBER,
	     "each device node opens", nodes),
	VERB("random", "DRIVER", 1, 1,
	     "/dev/hwrng returns random bytes, and its driver is DRIVER", random_device),
	END_OF_VERBS
};
