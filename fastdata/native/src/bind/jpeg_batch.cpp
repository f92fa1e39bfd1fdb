#include "../jpeg_batch.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <vector>

#include "failures.h"
#include "gil.h"
#include "held_bytes.h"
#include "module.h"

namespace nb = nanobind;

namespace fastdata {
namespace {

template <class T>
using Flat = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T, std::size_t width>
using Rows = nb::ndarray<T, nb::shape<-1, width>, nb::c_contig, nb::device::cpu>;

void check_count(std::size_t found, std::size_t files) {
    if (found != files) throw nb::value_error("an array is of another number of files");
}

nb::list crop(const std::vector<nb::object>& records, Rows<const std::int64_t, 4> boxes,
              Flat<std::uint8_t> data, Flat<std::int64_t> offsets, Flat<std::int64_t> lengths,
              Rows<std::int32_t, 2> origins, Rows<std::int32_t, 2> sizes, int threads) {
    const HeldRecords held(records);
    for (const std::size_t count :
         {boxes.shape(0), offsets.size(), lengths.size(), origins.shape(0), sizes.shape(0)}) {
        check_count(count, records.size());
    }
    if (data.size() < room_for_crops(held.bytes())) throw nb::value_error("too little room");
    const JpegCrops crops{data.data(),    data.size(),    offsets.data(),
                          lengths.data(), origins.data(), sizes.data()};
    std::vector<Failure> failures;
    {
        const GilReleased released;
        failures = crop_jpegs(held.bytes(), boxes.data(), crops, threads);
    }
    return listed(failures);
}

nb::list kinds(const std::vector<nb::object>& records, Rows<const std::int32_t, 2> sizes,
               Flat<bool> plain, bool checks, int threads) {
    const HeldRecords held(records);
    check_count(sizes.shape(0), records.size());
    check_count(plain.size(), records.size());
    std::vector<Failure> failures;
    {
        const GilReleased released;
        failures = jpeg_kinds(held.bytes(), sizes.data(), checks, plain.data(), threads);
    }
    return listed(failures);
}

}  // namespace

void bind_jpeg_batch(nb::module_& module) {
    module.def("crop_jpegs", &crop, nb::arg("records"), nb::arg("boxes"), nb::kw_only(),
               nb::arg("data").noconvert(), nb::arg("offsets").noconvert(),
               nb::arg("lengths").noconvert(), nb::arg("origins").noconvert(),
               nb::arg("sizes").noconvert(), nb::arg("threads"));
    module.def("jpeg_kinds", &kinds, nb::arg("records"), nb::arg("sizes"), nb::kw_only(),
               nb::arg("plain").noconvert(), nb::arg("checks"), nb::arg("threads"));
}

}  // namespace fastdata
