"""Files of the kernel that have had other names: records name files as mainline called them.

A file of a record that a source tree does not have may be there under another name. A row of
_MOVES proves that: all code of the new path was at the old one. A row of _SPLITS does not: some
code of the new path came from the old one, which may be compiled.

A path that ends with a slash or a dot is a prefix: the rest of the name stayed the same.

Rows up to 6.12 were found by comparing the contents of source trees (5.10, 6.1, 6.12), later ones
by mainline's commits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_Row = tuple[str, str]

_MOST_MOVES = 3
"""How often a file was moved at most: the server of SMB has had three other directories."""

_DISPLAY = "drivers/gpu/drm/amd/display/dc"
_DISPLAY_BLOCKS = {
    "resource": "resource",
    "hwseq": "hwss",
    "hubp": "hubp",
    "hubbub": "hubbub",
    "optc": "optc",
    "dccg": "dccg",
    "dpp": "dpp",
    "opp": "opp",
    "mmhubbub": "mmhubbub",
    "dwb": "dwb",
}
_DISPLAY_CHIPS = (
    *("dce80", "dce100", "dce110", "dce112", "dce120"),
    *("dcn10", "dcn20", "dcn201", "dcn21", "dcn30", "dcn301", "dcn302", "dcn303"),
    *("dcn31", "dcn314", "dcn315", "dcn316", "dcn32", "dcn321", "dcn35"),
)

_MOVES: tuple[_Row, ...] = (
    # file systems
    ("fs/cifs/", "fs/smb/client/"),
    ("fs/cifsd/", "fs/ksmbd/"),
    ("fs/ksmbd/", "fs/smb/server/"),
    ("fs/cifs_common/", "fs/smbfs_common/"),
    ("fs/smbfs_common/", "fs/smb/common/"),
    # core
    ("kernel/module.c", "kernel/module/main.c"),
    ("kernel/static_call.c", "kernel/static_call_inline.c"),
    ("drivers/md/bcache/closure.c", "lib/closure.c"),
    ("fs/io_uring.c", "io_uring/io_uring.c"),
    # networks
    ("drivers/net/team/team.c", "drivers/net/team/team_core.c"),
    ("drivers/net/thunderbolt.c", "drivers/net/thunderbolt/main.c"),
    ("drivers/net/vxlan.c", "drivers/net/vxlan/vxlan_core.c"),
    ("drivers/net/can/usb/esd_usb2.c", "drivers/net/can/usb/esd_usb.c"),
    ("drivers/net/wireless/mac80211_hwsim.", "drivers/net/wireless/virtual/mac80211_hwsim."),
    (
        "drivers/net/wireless/virtual/mac80211_hwsim.",
        "drivers/net/wireless/virtual/mac80211_hwsim_main.",
    ),
    ("drivers/staging/wfx/", "drivers/net/wireless/silabs/wfx/"),
    ("net/batman-adv/soft-interface.", "net/batman-adv/mesh-interface."),
    # graphics
    ("drivers/gpu/drm/bridge/cdns-dsi.", "drivers/gpu/drm/bridge/cadence/cdns-dsi-core."),
    ("drivers/gpu/drm/drm_dp_mst_topology.", "drivers/gpu/drm/dp/drm_dp_mst_topology."),
    ("drivers/gpu/drm/dp/", "drivers/gpu/drm/display/"),
    ("include/drm/drm_dp_mst_helper.h", "include/drm/display/drm_dp_mst_helper.h"),
    ("drivers/gpu/drm/mediatek/mtk_drm_crtc.", "drivers/gpu/drm/mediatek/mtk_crtc."),
    (f"{_DISPLAY}/calcs/", f"{_DISPLAY}/dml/calcs/"),
    (f"{_DISPLAY}/core/dc_link_dpcd.c", f"{_DISPLAY}/link/protocols/link_dpcd.c"),
    (f"{_DISPLAY}/link/link_hwss_dio.", f"{_DISPLAY}/link/hwss/link_hwss_dio."),
    (f"{_DISPLAY}/link/link_hwss_hpo_dp.", f"{_DISPLAY}/link/hwss/link_hwss_hpo_dp."),
    *(
        (f"{_DISPLAY}/{chip}/{chip}_{block}.", f"{_DISPLAY}/{place}/{chip}/{chip}_{block}.")
        for chip in _DISPLAY_CHIPS
        for block, place in _DISPLAY_BLOCKS.items()
    ),
    *(
        (f"{_DISPLAY}/{chip}/{chip}_hw_sequencer.", f"{_DISPLAY}/hwss/{chip}/{chip}_hwseq.")
        for chip in _DISPLAY_CHIPS
    ),
    (
        f"{_DISPLAY}/dcn32/dcn32_resource_helpers.",
        f"{_DISPLAY}/resource/dcn32/dcn32_resource_helpers.",
    ),
    # media
    ("drivers/media/platform/aspeed-video.", "drivers/media/platform/aspeed/aspeed-video."),
    ("drivers/media/platform/mtk-vcodec/", "drivers/media/platform/mediatek/vcodec/"),
    ("drivers/media/platform/mtk-vcodec/", "drivers/media/platform/mediatek/vcodec/common/"),
    ("drivers/media/platform/mtk-vcodec/", "drivers/media/platform/mediatek/vcodec/decoder/"),
    ("drivers/media/platform/mtk-vcodec/", "drivers/media/platform/mediatek/vcodec/encoder/"),
    ("drivers/media/platform/mediatek/vcodec/", "drivers/media/platform/mediatek/vcodec/common/"),
    ("drivers/media/platform/mediatek/vcodec/", "drivers/media/platform/mediatek/vcodec/decoder/"),
    ("drivers/media/platform/mediatek/vcodec/", "drivers/media/platform/mediatek/vcodec/encoder/"),
    ("drivers/media/platform/stm32/", "drivers/media/platform/st/stm32/"),
    ("drivers/media/platform/ti-vpe/", "drivers/media/platform/ti/cal/"),
    ("drivers/media/platform/ti-vpe/", "drivers/media/platform/ti/vpe/"),
    ("drivers/media/tuners/tuner-xc2028.", "drivers/media/tuners/xc2028."),
    ("drivers/staging/media/rkisp1/", "drivers/media/platform/rockchip/rkisp1/"),
    ("drivers/media/pci/ttpci/", "drivers/staging/media/deprecated/saa7146/av7110/"),
    ("drivers/staging/media/deprecated/saa7146/av7110/", "drivers/staging/media/av7110/"),
    ("drivers/media/pci/ttpci/", "drivers/staging/media/av7110/"),
    ("drivers/media/pci/intel/ipu3/cio2-bridge.", "drivers/media/pci/intel/ipu-bridge."),
    ("drivers/staging/media/zoran/", "drivers/media/pci/zoran/"),
    # other drivers
    ("drivers/crypto/qat/", "drivers/crypto/intel/qat/"),
    ("drivers/misc/habanalabs/", "drivers/accel/habanalabs/"),
    ("drivers/staging/comedi/", "drivers/comedi/"),
    ("drivers/hwmon/nct6775.c", "drivers/hwmon/nct6775-core.c"),
    ("drivers/hwmon/nct6775.c", "drivers/hwmon/nct6775-platform.c"),
    ("include/linux/intel-iommu.h", "drivers/iommu/intel/iommu.h"),
    ("drivers/staging/mt7621-pci/pci-mt7621.c", "drivers/pci/controller/pcie-mt7621.c"),
    ("drivers/platform/x86/amd/pmc.", "drivers/platform/x86/amd/pmc/pmc."),
    ("drivers/platform/x86/dell-laptop.", "drivers/platform/x86/dell/dell-laptop."),
    ("drivers/platform/x86/intel_punit_ipc.", "drivers/platform/x86/intel/punit_ipc."),
    (
        "drivers/platform/x86/x86-android-tablets.c",
        "drivers/platform/x86/x86-android-tablets/core.c",
    ),
    ("drivers/soc/imx/imx8m-blk-ctrl.", "drivers/pmdomain/imx/imx8m-blk-ctrl."),
    ("drivers/soc/imx/imx8mp-blk-ctrl.", "drivers/pmdomain/imx/imx8mp-blk-ctrl."),
    ("drivers/soc/imx/imx93-blk-ctrl.", "drivers/pmdomain/imx/imx93-blk-ctrl."),
    ("drivers/soc/imx/gpcv2.", "drivers/pmdomain/imx/gpcv2."),
    ("drivers/scsi/ufs/", "drivers/ufs/core/"),
    ("drivers/scsi/ufs/", "drivers/ufs/host/"),
    ("drivers/usb/cdns3/gadget.", "drivers/usb/cdns3/cdns3-gadget."),
    ("drivers/usb/host/fotg210-hcd.", "drivers/usb/fotg210/fotg210-hcd."),
    ("drivers/usb/typec/tcpm/tcpci_maxim.", "drivers/usb/typec/tcpm/tcpci_maxim_core."),
    ("drivers/usb/typec/tps6598x.", "drivers/usb/typec/tipd/core."),
    ("drivers/vme/bridges/", "drivers/staging/vme_user/"),
    ("drivers/staging/vme/devices/", "drivers/staging/vme_user/"),
    ("sound/usb/mixer_scarlett_gen2.", "sound/usb/mixer_scarlett2."),
)
"""Old and new path."""

_BOTH_WAYS = (*_MOVES, *((new, old) for old, new in _MOVES))

_SPLITS: tuple[_Row, ...] = (
    ("arch/x86/boot/compressed/efi_thunk_64.S", "arch/x86/boot/compressed/efi_mixed.S"),
    ("arch/x86/kvm/x86.c", "arch/x86/kvm/smm.c"),
    ("arch/x86/kvm/emulate.c", "arch/x86/kvm/smm.c"),
    ("arch/x86/kvm/vmx/vmx.c", "arch/x86/kvm/vmx/main.c"),
    ("arch/x86/kernel/cc_platform.c", "arch/x86/coco/core.c"),
    ("block/bio-integrity.c", "block/bio-integrity-auto.c"),
    ("fs/block_dev.c", "block/bdev.c"),
    ("drivers/iommu/amd/iommu.c", "drivers/iommu/amd/io_pgtable.c"),
    ("drivers/vfio/pci/vfio_pci.c", "drivers/vfio/pci/vfio_pci_core.c"),
    ("fs/btrfs/ctree.c", "fs/btrfs/tree-mod-log.c"),
    ("fs/btrfs/ctree.h", "fs/btrfs/extent-tree.h"),
    ("fs/btrfs/ctree.h", "fs/btrfs/fs.h"),
    ("fs/btrfs/ctree.h", "fs/btrfs/root-tree.h"),
    ("fs/btrfs/volumes.c", "fs/btrfs/bio.c"),
    ("fs/btrfs/extent_io.c", "fs/btrfs/bio.c"),
    ("fs/iomap/buffered-io.c", "fs/iomap/ioend.c"),
    ("fs/netfs/write_collect.c", "fs/netfs/write_retry.c"),
    ("fs/io_uring.c", "io_uring/rw.c"),
    ("fs/io_uring.c", "io_uring/sqpoll.c"),
    ("fs/io_uring.c", "io_uring/memmap.c"),
    ("io_uring/io_uring.c", "io_uring/rw.c"),
    ("io_uring/io_uring.c", "io_uring/sqpoll.c"),
    ("io_uring/io_uring.c", "io_uring/memmap.c"),
    ("include/linux/netdevice.h", "net/core/dev.h"),
    ("include/linux/swap.h", "mm/swap.h"),
    ("include/net/dropreason.h", "include/net/dropreason-core.h"),
    ("kernel/bpf/verifier.c", "kernel/bpf/log.c"),
    ("kernel/futex.c", "kernel/futex/core.c"),
    ("kernel/futex.c", "kernel/futex/syscalls.c"),
    ("kernel/futex/core.c", "kernel/futex/syscalls.c"),
    ("kernel/sched/core.c", "kernel/sched/syscalls.c"),
    ("kernel/sched/ext.c", "kernel/sched/ext/ext.c"),
    ("kernel/trace/trace.h", "include/linux/trace_recursion.h"),
    ("mm/kasan/common.c", "mm/kasan/shadow.c"),
    ("mm/memcontrol.c", "mm/memcontrol-v1.c"),
    ("mm/mmap.c", "mm/vma.c"),
    ("mm/mmap.c", "mm/vma.h"),
    ("net/core/dev.c", "net/core/gro.c"),
)
"""Where code was before, and where some of it is now."""


def other_names(file: str) -> list[str]:
    """The names that a file had before and after it had this one."""
    return _reached(file, _BOTH_WAYS)


def origins(file: str) -> list[str]:
    """Other files that some code of a file came from."""
    return [old for old, new in _SPLITS if file == new]


def _reached(file: str, rows: Sequence[_Row]) -> list[str]:
    """The names after at most _MOST_MOVES moves: a directory can be moved below itself."""
    found = [file]
    latest = [file]
    for _ in range(_MOST_MOVES):
        latest = [new for old in latest for new in _renamed(old, rows) if new not in found]
        found += dict.fromkeys(latest)
    return found[1:]


def _renamed(file: str, rows: Sequence[_Row]) -> Iterator[str]:
    for old, new in rows:
        if old == file:
            yield new
        elif old.endswith(("/", ".")) and file.startswith(old):
            yield new + file.removeprefix(old)
