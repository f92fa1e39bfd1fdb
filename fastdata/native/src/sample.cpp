#include "sample.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

#include "errors.h"

namespace fastdata {
namespace {

/// Height and width.
struct Size {
    int height = 0;
    int width = 0;

    bool operator==(Size other) const { return height == other.height && width == other.width; }
    std::string text() const { return std::to_string(height) + ", " + std::to_string(width); }
    std::size_t area() const { return static_cast<std::size_t>(height) * width; }
};

Size at(const std::int32_t* sizes, std::size_t position) {
    return {sizes[2 * position], sizes[2 * position + 1]};
}

/// The placement in the upright source.
Placement placement_of(const Batch& batch, std::size_t position) {
    const Size source = at(batch.sizes, position);
    if (batch.boxes == nullptr) {
        const Box whole{0, 0, double(source.height), double(source.width)};
        return {whole, source.height, source.width, false, {}};
    }
    const double* box = batch.boxes + 4 * position;
    Size result = at(batch.out_sizes, position);
    if (batch.rot90[position] & 1) std::swap(result.height, result.width);
    return {{box[0], box[1], box[2], box[3]},
            result.height,
            result.width,
            batch.resized[position],
            Turn::of(batch.rot90[position], batch.hflip[position], batch.vflip[position])};
}

std::string shape(const Batch& batch, Size size) {
    if (batch.kind.content == RecordKind::Content::image) {
        return "(" + size.text() + ", " + std::to_string(batch.kind.channels) + ")";
    }
    if (batch.kind.has_classes) {
        return "(" + std::to_string(batch.kind.distance.planes) + ", " + size.text() + ")";
    }
    return "(" + size.text() + ")";
}

void check_result(const Batch& batch, std::size_t position) {
    const Size found = at(batch.boxes == nullptr ? batch.sizes : batch.out_sizes, position);
    const Size expected{batch.first.height, batch.first.width};
    if (found == expected) return;
    throw BadInput("shape " + shape(batch, found) + " after transforms; the batch has " +
                   shape(batch, expected) +
                   "; add a Resize or a crop, so that all samples have one size");
}

/// A raw record's values, after checking that there are as many as its shape needs.
const std::uint8_t* raw_values(const Batch& batch, std::size_t position, std::size_t pixel_bytes) {
    const Bytes record = batch.records[position];
    const Size size = at(batch.sizes, position);
    std::size_t needed = 0;
    // A damaged pack may say any size.
    if (__builtin_mul_overflow(size.area(), pixel_bytes, &needed)) needed = SIZE_MAX;
    if (record.size == needed && size.height > 0 && size.width > 0) return record.data;
    throw Contradiction("a raw record of " + std::to_string(record.size) + " bytes; shape " +
                        shape(batch, size) + " needs " + std::to_string(needed));
}

template <class T>
Pixels<T> raw_pixels(const Batch& batch, std::size_t position, int channels, Buffer& aligned) {
    const std::uint8_t* values = raw_values(batch, position, channels * sizeof(T));
    const Size size = at(batch.sizes, position);
    if (reinterpret_cast<std::uintptr_t>(values) % sizeof(T) != 0) {
        const std::size_t bytes = size.area() * channels * sizeof(T);
        values = static_cast<std::uint8_t*>(std::memcpy(aligned.get(bytes), values, bytes));
    }
    const Rect whole{0, 0, size.height, size.width};
    return {reinterpret_cast<const T*>(values),
            std::ptrdiff_t{size.width} * channels,
            channels,
            whole,
            size.height,
            size.width,
            1};
}

/// A smaller picture keeps at least this many times the pixels a side that the result has. Its
/// pixels are plain means (libjpeg's are made by a smaller inverse DCT), where the resize weighs by
/// a triangle, which shows less the more of the shrinking is left to the resize: on 500 photos the
/// worst mean difference from decoding whole was 6.6 levels at 1 and 1.6 at 2, which costs a ninth
/// of the speed (crops to 96x96).
constexpr double kept_pixels = 2;

/// The largest denominator that is allowed for this placement.
int largest_denominator(const Placement& placement) {
    const double allowed =
        std::min(placement.box.height / placement.height, placement.box.width / placement.width) /
        kept_pixels;
    int denominator = 1;
    while (denominator < 8 && 2 * denominator <= allowed) denominator *= 2;
    return denominator;
}

/// The pixels that a placement reaches, and the placement in the stored picture.
std::pair<Pixels<std::uint8_t>, Placement> decoded_image(const Batch& batch, std::size_t position,
                                                         const Placement& upright,
                                                         Workbench& workbench) {
    const StageClock clock(batch.spent, position, Stage::decode);
    const StoredImage image = workbench.decoder.open(batch.records[position]);
    const Size size = at(batch.sizes, position);
    image.check_upright(size.height, size.width);
    const Placement placement = upright.stored(image.orientation, size.height, size.width);
    placement.check(image.height, image.width);
    const Rect reach = placement.reach(image.height, image.width);
    return {workbench.decoder.pixels(batch.kind.channels, reach, largest_denominator(placement)),
            placement};
}

void make_image(const Batch& batch, std::size_t position, Workbench& workbench) {
    const Placement upright = placement_of(batch, position);
    const auto place = [&](const auto& pixels, const Placement& placement) {
        const StageClock clock(batch.spent, position, Stage::resize);
        place_image(pixels, placement, target_of(batch, position), workbench.scratch);
    };
    if (batch.kind.raw) {
        const int channels = batch.kind.channels;
        return place(raw_pixels<std::uint8_t>(batch, position, channels, workbench.aligned),
                     upright);
    }
    const auto [pixels, placement] = decoded_image(batch, position, upright, workbench);
    place(pixels, placement);
}

/// The ids that a placement reaches, and the orientation that they are stored in.
std::pair<Ids, int> decoded_ids(const Batch& batch, std::size_t position, const Placement& upright,
                                Workbench& workbench) {
    const StageClock clock(batch.spent, position, Stage::decode);
    const StoredImage mask = workbench.decoder.open(batch.records[position]);
    const Size size = at(batch.sizes, position);
    mask.check_upright(size.height, size.width);
    const Placement stored = upright.stored(mask.orientation, size.height, size.width);
    stored.check(mask.height, mask.width);
    Ids ids = workbench.decoder.ids(stored.reach(mask.height, mask.width));
    if (batch.kind.id_type == Target::Type::u8 &&
        std::holds_alternative<Pixels<std::uint16_t>>(ids)) {
        throw Contradiction("decodes to uint16; the schema says uint8");
    }
    return {std::move(ids), mask.orientation};
}

void make_mask(const Batch& batch, std::size_t position, Workbench& workbench) {
    const Placement upright = placement_of(batch, position);
    const Target target = target_of(batch, position);
    const auto place = [&](const auto& pixels, int orientation) {
        const StageClock clock(batch.spent, position, Stage::resize);
        place_mask(pixels, upright, orientation, target, workbench.scratch);
    };
    if (batch.kind.raw && batch.kind.id_type == Target::Type::u8) {
        return place(raw_pixels<std::uint8_t>(batch, position, 1, workbench.aligned), 1);
    }
    if (batch.kind.raw)
        return place(raw_pixels<std::uint16_t>(batch, position, 1, workbench.aligned), 1);
    const auto decoded = decoded_ids(batch, position, upright, workbench);
    std::visit([&](const auto& pixels) { place(pixels, decoded.second); }, decoded.first);
}

void make_distance(const Batch& batch, std::size_t position, Workbench& workbench) {
    const StageClock clock(batch.spent, position, Stage::resize);
    DistanceRecord record = batch.kind.distance;
    const std::size_t value_bytes = record.type == DistanceRecord::Type::u8 ? 1 : 2;
    record.data = raw_values(batch, position, value_bytes * record.planes);
    record.height = at(batch.sizes, position).height;
    record.width = at(batch.sizes, position).width;
    place_distance(record, placement_of(batch, position), target_of(batch, position),
                   workbench.scratch);
}

}  // namespace

Target target_of(const Batch& batch, std::size_t position) {
    Target target = batch.first;
    target.data += static_cast<std::ptrdiff_t>(position) * batch.sample_stride;
    return target;
}

void make_sample(const Batch& batch, std::size_t position, Workbench& workbench) {
    check_result(batch, position);
    switch (batch.kind.content) {
        case RecordKind::Content::image:
            return make_image(batch, position, workbench);
        case RecordKind::Content::mask:
            return make_mask(batch, position, workbench);
        case RecordKind::Content::distance:
            return make_distance(batch, position, workbench);
    }
}

}  // namespace fastdata
