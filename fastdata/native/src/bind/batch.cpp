#include "batch.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <optional>
#include <tuple>
#include <vector>

#include "failures.h"
#include "gil.h"
#include "held_bytes.h"
#include "module.h"

namespace nb = nanobind;

namespace fastdata {
namespace {

template <class T>
using Flat = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T, std::size_t width>
using Rows = nb::ndarray<const T, nb::shape<-1, width>, nb::c_contig, nb::device::cpu>;
using Geometry = std::tuple<Rows<double, 4>, Rows<std::int32_t, 2>, Flat<bool>, Flat<std::uint8_t>,
                            Flat<bool>, Flat<bool>>;
/// Factors and offsets of up to four channels.
using Values = std::tuple<std::array<float, 4>, std::array<float, 4>>;
using Out = nb::ndarray<nb::device::cpu>;
using Seconds =
    nb::ndarray<double, nb::shape<-1, StageSeconds::kStages>, nb::c_contig, nb::device::cpu>;

RecordKind image_kind(int channels, bool raw) {
    RecordKind kind;
    kind.channels = channels;
    kind.raw = raw;
    return kind;
}

RecordKind mask_kind(int id_bytes, bool raw) {
    RecordKind kind;
    kind.content = RecordKind::Content::mask;
    kind.id_type = id_bytes == 1 ? Target::Type::u8 : Target::Type::u16;
    kind.raw = raw;
    return kind;
}

RecordKind distance_kind(int value_bytes, int classes, float zero, float scale) {
    RecordKind kind;
    kind.content = RecordKind::Content::distance;
    kind.raw = true;
    kind.distance.type = value_bytes == 1 ? DistanceRecord::Type::u8 : DistanceRecord::Type::f16;
    kind.distance.planes = classes > 0 ? classes : 1;
    kind.distance.zero = zero;
    kind.distance.scale = scale;
    kind.has_classes = classes > 0;
    return kind;
}

Target::Type type_of(const Out& out) {
    if (out.dtype() == nb::dtype<std::uint8_t>()) return Target::Type::u8;
    if (out.dtype() == nb::dtype<std::uint16_t>()) return Target::Type::u16;
    if (out.dtype() == nb::dtype<float>()) return Target::Type::f32;
    throw nb::type_error("out must be of uint8, uint16 or float32");
}

/// Points the batch at `out`: (B, H, W, C) for images, (B, planes, H, W) for distance maps with
/// classes, else (B, H, W).
void aim(Batch& batch, const Out& out) {
    const bool has_channels = batch.kind.content == RecordKind::Content::image;
    const std::size_t dimensions = has_channels || batch.kind.has_classes ? 4 : 3;
    if (out.ndim() != dimensions) throw nb::value_error("out has another number of dimensions");
    const std::size_t rows = batch.kind.has_classes ? 2 : 1;
    const std::size_t channel_axis = has_channels ? 3 : 1;
    const auto bytes = static_cast<std::ptrdiff_t>(out.itemsize());
    Target& first = batch.first;
    first.data = static_cast<std::uint8_t*>(out.data());
    first.type = type_of(out);
    first.height = static_cast<int>(out.shape(rows));
    first.width = static_cast<int>(out.shape(rows + 1));
    first.row_stride = out.stride(rows) * bytes;
    first.column_stride = out.stride(rows + 1) * bytes;
    if (dimensions == 4) {
        first.channels = static_cast<int>(out.shape(channel_axis));
        first.channel_stride = out.stride(channel_axis) * bytes;
    }
    batch.sample_stride = out.stride(0) * bytes;
}

void set_geometry(Batch& batch, const Geometry& geometry) {
    const auto& [boxes, out_sizes, resized, rot90, hflip, vflip] = geometry;
    const std::size_t count = batch.records.size();
    if (boxes.shape(0) != count || out_sizes.shape(0) != count || resized.size() != count ||
        rot90.size() != count || hflip.size() != count || vflip.size() != count) {
        throw nb::value_error("the geometry is of another number of samples");
    }
    batch.boxes = boxes.data();
    batch.out_sizes = out_sizes.data();
    batch.resized = resized.data();
    batch.rot90 = rot90.data();
    batch.hflip = hflip.data();
    batch.vflip = vflip.data();
}

nb::list run(const RecordKind& kind, const std::vector<nb::object>& records,
             Rows<std::int32_t, 2> sizes, const std::optional<Geometry>& geometry, Out out,
             const Values& values, const std::vector<std::size_t>& positions,
             const std::optional<Seconds>& stage_seconds, int threads) {
    Batch batch;
    batch.kind = kind;
    const HeldRecords held(records);
    batch.records = held.bytes();
    if (sizes.shape(0) != records.size() || out.shape(0) != records.size()) {
        throw nb::value_error("sizes or out are of another number of samples");
    }
    for (const std::size_t position : positions) {
        if (position >= records.size()) throw nb::index_error("there is no such sample");
    }
    batch.sizes = sizes.data();
    if (geometry) set_geometry(batch, *geometry);
    aim(batch, out);
    if (stage_seconds) {
        if (stage_seconds->shape(0) != records.size()) {
            throw nb::value_error("stage_seconds is of another number of samples");
        }
        batch.spent.seconds = stage_seconds->data();
    }
    const auto& [factor, offset] = values;
    std::copy(factor.begin(), factor.end(), batch.first.factor);
    std::copy(offset.begin(), offset.end(), batch.first.offset);
    std::vector<Failure> failures;
    {
        const GilReleased released;
        failures = decode_batch(batch, positions, threads);
    }
    return listed(failures);
}

}  // namespace

void bind_batch(nb::module_& module) {
    nb::class_<RecordKind>(module, "RecordKind")
        .def_static("image", &image_kind, nb::kw_only(), nb::arg("channels"), nb::arg("raw"))
        .def_static("mask", &mask_kind, nb::kw_only(), nb::arg("id_bytes"), nb::arg("raw"))
        .def_static("distance", &distance_kind, nb::kw_only(), nb::arg("value_bytes"),
                    nb::arg("classes"), nb::arg("zero"), nb::arg("scale"));
    module.def("decode_batch", &run, nb::arg("kind"), nb::arg("records"), nb::arg("sizes"),
               nb::arg("geometry").none(), nb::arg("out"), nb::kw_only(), nb::arg("values"),
               nb::arg("positions"), nb::arg("stage_seconds").none().noconvert(),
               nb::arg("threads"));
}

}  // namespace fastdata
