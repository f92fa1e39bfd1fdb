#include <nanobind/stl/tuple.h>

#include <tuple>
#include <vector>

#include "../jpeg_crop.h"
#include "../jpeg_header.h"
#include "../jpeg_markers.h"
#include "../jpeg_transcode.h"
#include "gil.h"
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

/// For tests: where `count` restart markers from number `first` on end, by either implementation.
std::size_t skip(nb::handle data, std::size_t at, int first, int count, bool quick) {
    const HeldBytes held(data);
    return skip_restarts(held.bytes(), at, first, count, quick && has_avx2());
}

using FourInts = std::tuple<int, int, int, int>;

bool is_inside(const Rect& box, const JpegHeader& header) {
    return box.top >= 0 && box.left >= 0 && box.height >= 1 && box.width >= 1 &&
           box.height <= header.height - box.top && box.width <= header.width - box.left;
}

nb::object crop(nb::handle data, FourInts box, int denominator) {
    const HeldBytes held(data);
    const Rect wanted{std::get<0>(box), std::get<1>(box), std::get<2>(box), std::get<3>(box)};
    std::vector<std::uint8_t> small;
    Rect covered;
    {
        const GilReleased released;
        const JpegHeader header = parse_jpeg_header(held.bytes());
        if (!is_inside(wanted, header)) {
            small.clear();
        } else if (!crop_jpeg(held.bytes(), header, wanted, denominator, small, covered)) {
            strip_jpeg(held.bytes(), header, small);
            covered = {0, 0, header.height, header.width};
        }
    }
    if (small.empty()) return nb::none();
    return nb::make_tuple(nb::bytes(small.data(), small.size()), covered.top, covered.left,
                          covered.height, covered.width);
}

nb::object transcode(nb::handle data, int segment_width) {
    const HeldBytes held(data);
    std::vector<std::uint8_t> out;
    bool done = false;
    {
        const GilReleased released;
        done = transcode_jpeg(held.bytes(), {}, segment_width, out);
    }
    if (!done) return nb::none();
    return nb::bytes(out.data(), out.size());
}

void check(nb::handle data) {
    const HeldBytes held(data);
    const GilReleased released;
    check_jpeg(held.bytes(), {});
}

}  // namespace

void bind_streams(nb::module_& module) {
    module.def("jpeg_header", header, nb::arg("data"), nb::kw_only(), nb::arg("max_pixels"),
               nb::arg("max_side"), nb::arg("max_scans"), nb::arg("max_scan_pixels"));
    module.def("skip_restarts", skip, nb::arg("data"), nb::arg("at"), nb::arg("first"),
               nb::arg("count"), nb::arg("quick"));
    module.def("crop_jpeg", crop, nb::arg("data"), nb::arg("box"), nb::arg("denominator"));
    module.def("check_jpeg", check, nb::arg("data"));
    module.def("transcode_jpeg", transcode, nb::arg("data"), nb::arg("segment_width"));
}

}  // namespace fastdata
