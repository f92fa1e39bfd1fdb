#include "place.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/tuple.h>

#include <array>
#include <tuple>

#include "geometry.h"
#include "module.h"

namespace nb = nanobind;

namespace fastdata {

namespace {

using Four = std::tuple<double, double, double, double>;
using Two = std::tuple<int, int>;
using Values = std::array<float, 4>;
template <class T>
using Array = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<nb::device::cpu>;

Placement make_placement(Four box, Two size, bool resized, Turn turn) {
    const auto [top, left, height, width] = box;
    return {{top, left, height, width}, std::get<0>(size), std::get<1>(size), resized, turn};
}

std::tuple<int, int, int, int> reach(const Placement& placement, int height, int width) {
    placement.check(height, width);
    const Rect rect = placement.reach(height, width);
    return {rect.top, rect.left, rect.height, rect.width};
}

/// A window (h, w, channels) at `origin` of a picture of `size`.
template <class T>
Pixels<T> pixels_of(const Array<T>& window, Two origin, Two size, int denominator) {
    const int height = static_cast<int>(window.shape(0)), width = static_cast<int>(window.shape(1));
    Pixels<T> pixels;
    pixels.data = window.data();
    pixels.row_stride = window.stride(0);
    pixels.channels = static_cast<int>(window.shape(2));
    pixels.window = {std::get<0>(origin), std::get<1>(origin), height, width};
    pixels.height = std::get<0>(size);
    pixels.width = std::get<1>(size);
    pixels.denominator = denominator;
    return pixels;
}

/// `out` is (h, w, channels), of any strides.
Target target_of(const Out& out, const Values& factor, const Values& offset) {
    Target target;
    const auto bytes = static_cast<std::ptrdiff_t>(out.itemsize());
    target.data = static_cast<std::uint8_t*>(out.data());
    target.type = out.dtype() == nb::dtype<float>()           ? Target::Type::f32
                  : out.dtype() == nb::dtype<std::uint16_t>() ? Target::Type::u16
                                                              : Target::Type::u8;
    target.height = static_cast<int>(out.shape(0));
    target.width = static_cast<int>(out.shape(1));
    target.channels = static_cast<int>(out.shape(2));
    target.row_stride = out.stride(0) * bytes;
    target.column_stride = out.stride(1) * bytes;
    target.channel_stride = out.stride(2) * bytes;
    std::copy(factor.begin(), factor.end(), target.factor);
    std::copy(offset.begin(), offset.end(), target.offset);
    return target;
}

void image(Scratch& scratch, Array<std::uint8_t> window, Two origin, Two size, int denominator,
           const Placement& placement, Out out, const Values& factor, const Values& offset) {
    place_image(pixels_of(window, origin, size, denominator), placement,
                target_of(out, factor, offset), scratch);
}

template <class T>
void mask(Scratch& scratch, Array<T> window, Two origin, Two size, const Placement& placement,
          int orientation, Out out) {
    place_mask(pixels_of(window, origin, size, 1), placement, orientation, target_of(out, {}, {}),
               scratch);
}

/// `stored` is (planes, height, width) as bytes, the last axis being that of a value's bytes.
void distance(Scratch& scratch, Array<std::uint8_t> stored, float zero, float scale,
              const Placement& placement, Out out) {
    DistanceRecord record;
    record.data = stored.data();
    record.type = stored.shape(3) == 2 ? DistanceRecord::Type::f16 : DistanceRecord::Type::u8;
    record.planes = static_cast<int>(stored.shape(0));
    record.height = static_cast<int>(stored.shape(1));
    record.width = static_cast<int>(stored.shape(2));
    record.zero = zero;
    record.scale = scale;
    place_distance(record, placement, target_of(out, {}, {}), scratch);
}

}  // namespace

/// Single pictures: what the tests compare with the twin, below the batch.
void bind_place(nb::module_& module) {
    nb::class_<Turn>(module, "Turn")
        .def_static("of", &Turn::of, nb::arg("rot90"), nb::arg("hflip"), nb::arg("vflip"))
        .def_static("upright", &Turn::upright, nb::arg("orientation"))
        .def("then", &Turn::then)
        .def_prop_ro("parts", [](Turn turn) {
            return std::make_tuple(turn.transpose, turn.flip_rows, turn.flip_columns);
        });
    nb::class_<Placement>(module, "Placement")
        .def_static("of", &make_placement, nb::kw_only(), nb::arg("box"), nb::arg("size"),
                    nb::arg("resized"), nb::arg("turn"))
        .def("stored", &Placement::stored)
        .def_ro("turn", &Placement::turn)
        .def("reach", &reach);
    nb::class_<Scratch>(module, "Scratch")
        .def(
            "__init__",
            [](Scratch* self, bool portable) {
                new (self) Scratch(portable ? Instructions::portable : Instructions::best);
            },
            nb::kw_only(), nb::arg("portable"))
        .def("place_image", &image, nb::arg("window"), nb::kw_only(), nb::arg("origin"),
             nb::arg("size"), nb::arg("denominator"), nb::arg("placement"), nb::arg("out"),
             nb::arg("factor"), nb::arg("offset"))
        .def("place_mask", &mask<std::uint8_t>, nb::arg("window"), nb::kw_only(), nb::arg("origin"),
             nb::arg("size"), nb::arg("placement"), nb::arg("orientation"), nb::arg("out"))
        .def("place_mask", &mask<std::uint16_t>, nb::arg("window"), nb::kw_only(),
             nb::arg("origin"), nb::arg("size"), nb::arg("placement"), nb::arg("orientation"),
             nb::arg("out"))
        .def("place_distance", &distance, nb::arg("stored"), nb::kw_only(), nb::arg("zero"),
             nb::arg("scale"), nb::arg("placement"), nb::arg("out"));
}

}  // namespace fastdata
