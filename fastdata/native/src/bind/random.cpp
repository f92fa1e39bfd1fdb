#include <nanobind/ndarray.h>

#include <cstdint>

#include "module.h"
#include "philox.h"

namespace nb = nanobind;

namespace fastdata {
namespace {

void fill_uniform(
    std::uint64_t seed, std::uint32_t epoch, std::uint32_t operation,
    nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu> indices,
    nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu> out) {
    if (out.shape(0) != indices.size())
        throw nb::value_error("another number of rows than indices");
    uniform({seed, epoch, operation}, indices.data(), indices.size(), out.shape(1), out.data());
}

}  // namespace

void bind_random(nb::module_& module) {
    module.def("uniform", &fill_uniform, nb::arg("seed"), nb::arg("epoch"), nb::arg("operation"),
               nb::arg("indices"), nb::arg("out").noconvert());
}

}  // namespace fastdata
