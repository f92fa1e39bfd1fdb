#include <nanobind/nanobind.h>
#include <nanobind/stl/tuple.h>

#include <tuple>

#include "geometry.h"
#include "module.h"

namespace nb = nanobind;

namespace fastdata {

namespace {

using Four = std::tuple<double, double, double, double>;
using Two = std::tuple<int, int>;

Placement make_placement(Four box, Two size, bool resized, Turn turn) {
    const auto [top, left, height, width] = box;
    return {{top, left, height, width}, std::get<0>(size), std::get<1>(size), resized, turn};
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
        .def("reach", [](const Placement& placement, int height, int width) {
            placement.check(height, width);
            const Rect rect = placement.reach(height, width);
            return std::make_tuple(rect.top, rect.left, rect.height, rect.width);
        });
}

}  // namespace fastdata
