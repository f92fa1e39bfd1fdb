#include "../jpeg_header.h"
#include "held_bytes.h"
#include "module.h"

namespace nb = nanobind;

namespace fastdata {

namespace {

nb::tuple header(nb::handle data, std::int64_t max_pixels, int max_side, int max_scans,
                 std::int64_t max_scan_pixels) {
    const HeldBytes held(data);
    const JpegHeader found =
        parse_jpeg_header(held.bytes(), {max_pixels, max_side, max_scans, max_scan_pixels});
    return nb::make_tuple(found.height, found.width, found.channels, found.orientation, found.scans,
                          found.restart_interval);
}

}  // namespace

void bind_streams(nb::module_& module) {
    module.def("jpeg_header", header, nb::arg("data"), nb::kw_only(), nb::arg("max_pixels"),
               nb::arg("max_side"), nb::arg("max_scans"), nb::arg("max_scan_pixels"));
}

}  // namespace fastdata
