#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels.h"
#include "place.h"
#include "triangle_filter.h"
#include "weights.h"

namespace fastdata {

/// Memory that grows to what was asked for and keeps nothing across growing.
template <class T>
class Store {
  public:
    T* at_least(std::size_t count) {
        if (values_.size() < count) {
            values_ = std::vector<T>();
            values_.resize(count);
        }
        return values_.data();
    }
    /// Give it back where it is larger than most pictures need.
    void trim() {
        if (values_.size() * sizeof(T) > 8 << 20) values_ = std::vector<T>();
    }

  private:
    std::vector<T> values_;
};

/// What distance maps need.
struct FloatMemory {
    TriangleFilter rows, columns;
    std::vector<const float*> taps;
    std::vector<float> row_weights, column_weights;
    std::vector<std::int32_t> first;
    Store<float> ring;          ///< Source rows as distances.
    Store<float> line, result;  ///< A row after the pass down, and after the one along it.
};

struct Scratch::Memory {
    const Kernels* kernels;
    Weights rows, columns;
    std::vector<const std::uint8_t*> taps;  ///< The rows that one result row depends on.
    Store<std::uint8_t> ring;               ///< Rows that are resampled along themselves.
    Store<std::uint8_t> padded;             ///< A source row with room behind it.
    Store<std::uint8_t> line, planes;       ///< One result row, and its channels apart.
    Store<std::uint8_t> picture, turned;    ///< A result before and after transposing.
    Store<std::ptrdiff_t> row_offsets, column_offsets;  ///< Of the ids that a mask takes.
    FloatMemory floats;

    void trim();
};

}  // namespace fastdata
