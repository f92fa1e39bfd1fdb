#include <algorithm>
#include <cmath>
#include <cstring>

#include "errors.h"
#include "place.h"
#include "row_writer.h"
#include "scratch.h"
#include "stretch.h"

namespace fastdata {

namespace {

int rounded_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

/// Where result pixel (i, j) before turning goes: data + i * row + j * column, in bytes.
struct TurnedPlane {
    std::uint8_t* data;
    std::ptrdiff_t row, column;

    TurnedPlane(const Target& target, const Placement& placement, int plane)
        : data(target.data + plane * target.channel_stride) {
        const Turn& turn = placement.turn;
        row = turn.transpose ? target.column_stride : target.row_stride;
        column = turn.transpose ? target.row_stride : target.column_stride;
        if (turn.transpose ? turn.flip_columns : turn.flip_rows) reverse(row, placement.height);
        if (turn.transpose ? turn.flip_rows : turn.flip_columns) reverse(column, placement.width);
    }

    void reverse(std::ptrdiff_t& stride, int count) {
        data += (count - 1) * stride;
        stride = -stride;
    }

    void write(int i, const float* values, int count, float factor) const {
        std::uint8_t* to = data + i * row;
        if (column == sizeof(float)) {
            float* floats = reinterpret_cast<float*>(to);
            for (int j = 0; j < count; ++j) floats[j] = values[j] * factor;
            return;
        }
        for (int j = 0; j < count; ++j, to += column) {
            const float value = values[j] * factor;
            std::memcpy(to, &value, sizeof value);
        }
    }
};

/// One plane of stored distances, read by parts of rows.
class StoredPlane {
  public:
    StoredPlane(const DistanceRecord& record, int plane, const Kernels& kernels)
        : record_(record), kernels_(kernels) {
        item_ = record.type == DistanceRecord::Type::u8 ? 1 : 2;
        const std::size_t pixels = static_cast<std::size_t>(record.height) * record.width;
        data_ = record.data + plane * pixels * item_;
    }

    /// Distances in pixels of the source, rounded as `fastdata.distance.dequantize` rounds.
    void read(int y, int left, std::size_t count, float* out) const {
        const std::uint8_t* from =
            data_ + (static_cast<std::size_t>(y) * record_.width + left) * item_;
        const float one = 1, offset = -record_.zero;
        if (item_ == 1) {
            kernels_.to_float(from, count, 1, &one, &offset, out);
        } else {
            kernels_.halves(from, count, out);
            if (record_.zero != 0) std::for_each(out, out + count, [&](float& v) { v += offset; });
        }
        if (record_.scale == 1) return;
        std::for_each(out, out + count, [&](float& value) { value *= record_.scale; });
    }

  private:
    const DistanceRecord& record_;
    const Kernels& kernels_;
    const std::uint8_t* data_;
    std::size_t item_;
};

/// Resamples one plane after the other by the same weights, down first, then along the row: floats
/// are rounded so little that the order does not matter, and fewer rows are left to go along.
class FloatResampler {
  public:
    FloatResampler(const DistanceRecord& record, const Placement& placement,
                   Scratch::Memory& memory)
        : memory_(memory.floats), kernels_(*memory.kernels) {
        const Box& box = placement.box;
        memory_.rows.prepare(Stretch(box.top, box.height, placement.height, record.height));
        memory_.columns.prepare(Stretch(box.left, box.width, placement.width, record.width));
        const TriangleFilter& columns = memory_.columns;
        left_ = columns.first(0);
        width_ = columns.first(columns.count() - 1) + columns.taps(columns.count() - 1) - left_;
        prepare_columns();
        stride_ = static_cast<std::size_t>(width_ + taps_);
        memory_.taps.resize(memory_.rows.most_taps());
        memory_.row_weights.resize(memory_.rows.most_taps());
        ring_ = memory_.ring.at_least(stride_ * memory_.rows.most_taps());
        line_ = memory_.line.at_least(stride_);
        // Weights of 0 stand behind the last pixel too.
        std::fill(line_ + width_, line_ + stride_, 0.0f);
    }

    void start_plane() { made_ = 0; }

    /// Row `i` of the result, from top to bottom.
    void row(const StoredPlane& plane, int i, float* out) {
        const TriangleFilter& rows = memory_.rows;
        const int first = rows.first(i), taps = rows.taps(i), slots = rows.most_taps();
        const auto slot = [&](int y) { return ring_ + y % slots * stride_; };
        for (made_ = std::max(made_, first); made_ < first + taps; ++made_) {
            plane.read(made_, left_, static_cast<std::size_t>(width_), slot(made_));
        }
        for (int k = 0; k < taps; ++k) {
            memory_.taps[k] = slot(first + k);
            memory_.row_weights[k] = static_cast<float>(rows.weights(i)[k]);
        }
        kernels_.down_floats(memory_.taps.data(), memory_.row_weights.data(), taps,
                             static_cast<std::size_t>(width_), line_);
        kernels_.across_floats(line_, memory_.first.data(), memory_.column_weights.data(), taps_,
                               memory_.columns.count(), out);
    }

  private:
    void prepare_columns() {
        const TriangleFilter& columns = memory_.columns;
        taps_ = rounded_up(columns.most_taps(), 4);
        memory_.first.resize(static_cast<std::size_t>(columns.count()));
        memory_.column_weights.assign(memory_.first.size() * taps_, 0);
        for (int i = 0; i < columns.count(); ++i) {
            memory_.first[i] = columns.first(i) - left_;
            std::transform(columns.weights(i), columns.weights(i) + columns.taps(i),
                           &memory_.column_weights[static_cast<std::size_t>(i) * taps_],
                           [](double weight) { return static_cast<float>(weight); });
        }
    }

    FloatMemory& memory_;
    const Kernels& kernels_;
    int left_, width_;  ///< The columns that any result depends on.
    int taps_ = 0;
    std::size_t stride_;
    float* ring_;
    float* line_;
    int made_ = 0;  ///< Source rows before this one are in the ring, or will not be needed.
};

/// How many times as long a distance is after the resize: the geometric mean of both sides.
float resize_factor(const Placement& placement) {
    const Box& box = placement.box;
    const double across = box.left + box.width - box.left, down = box.top + box.height - box.top;
    const double area = static_cast<double>(placement.width) * placement.height;
    return static_cast<float>(std::sqrt(area / (across * down)));
}

}  // namespace

void place_distance(const DistanceRecord& record, const Placement& placement, const Target& target,
                    Scratch& scratch) {
    placement.check(record.height, record.width);
    const bool transposed = placement.turn.transpose;
    check_target(target, transposed ? placement.width : placement.height,
                 transposed ? placement.height : placement.width, record.planes);
    if (target.type != Target::Type::f32) {
        throw BadInput("a target of integers for distances; expected float32");
    }
    Scratch::Memory& memory = scratch.memory();
    const std::size_t width = static_cast<std::size_t>(placement.width);
    float* line = memory.floats.result.at_least(width);
    if (!placement.resized) {
        for (int p = 0; p < record.planes; ++p) {
            const StoredPlane plane(record, p, *memory.kernels);
            const TurnedPlane to(target, placement, p);
            for (int i = 0; i < placement.height; ++i) {
                plane.read(static_cast<int>(placement.box.top) + i,
                           static_cast<int>(placement.box.left), width, line);
                to.write(i, line, placement.width, 1);
            }
        }
        return;
    }
    FloatResampler resampler(record, placement, memory);
    const float factor = resize_factor(placement);
    for (int p = 0; p < record.planes; ++p) {
        const StoredPlane plane(record, p, *memory.kernels);
        const TurnedPlane to(target, placement, p);
        resampler.start_plane();
        for (int i = 0; i < placement.height; ++i) {
            resampler.row(plane, i, line);
            to.write(i, line, placement.width, factor);
        }
    }
    memory.trim();
}

}  // namespace fastdata
