#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <cstdint>
#include <vector>

#include "crc32c.h"
#include "gil.h"
#include "module.h"

namespace nb = nanobind;

namespace fastdata {
namespace {

template <class T>
using Flat = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::uint32_t crc_of(Flat<std::uint8_t> data) {
    const Bytes bytes{data.data(), data.size()};
    const GilReleased released;
    return crc32c(bytes);
}

std::uint32_t portable_crc_of(Flat<std::uint8_t> data) {
    return crc32c_portable({data.data(), data.size()});
}

/// Whether every stretch lies inside the data; lengths and offsets may be anything.
bool inside(std::size_t size, Flat<std::int64_t> offsets, Flat<std::int64_t> lengths) {
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        const std::int64_t offset = offsets.data()[i], length = lengths.data()[i];
        if (offset < 0 || length < 0 || static_cast<std::size_t>(offset) > size ||
            static_cast<std::size_t>(length) > size - static_cast<std::size_t>(offset)) {
            return false;
        }
    }
    return true;
}

nb::list wrong_crcs(Flat<std::uint8_t> data, Flat<std::int64_t> offsets, Flat<std::int64_t> lengths,
                    Flat<std::uint32_t> expected) {
    const std::size_t count = offsets.size();
    if (lengths.size() != count || expected.size() != count ||
        !inside(data.size(), offsets, lengths)) {
        throw nb::value_error("stretches of different number, or outside the data");
    }
    std::vector<std::size_t> wrong;
    {
        const GilReleased released;
        for (std::size_t i = 0; i < count; ++i) {
            const Bytes stretch{data.data() + offsets.data()[i],
                                static_cast<std::size_t>(lengths.data()[i])};
            if (crc32c(stretch) != expected.data()[i]) wrong.push_back(i);
        }
    }
    nb::list found;
    for (const std::size_t i : wrong) found.append(i);
    return found;
}

}  // namespace

void bind_memory(nb::module_& module) {
    module.def("crc32c", &crc_of, nb::arg("data"));
    module.def("crc32c_portable", &portable_crc_of, nb::arg("data"));
    module.def("crc32c_means", &crc32c_means);
    module.def("wrong_crcs", &wrong_crcs, nb::arg("data"), nb::arg("offsets"), nb::arg("lengths"),
               nb::arg("expected"));
}

}  // namespace fastdata
