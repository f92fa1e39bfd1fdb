#pragma once

#include <cstddef>
#include <cstdint>

// Only plain data: this file is also compiled for newer instructions, and an inline function of it
// could end up, with those instructions, in code that runs everywhere.

namespace fastdata {

/// The weights of one axis, as the kernels that go along a row read them.
///
/// Result i is the sum over k below 2 * pairs of weight (i, k) times pixel first[i] + k. Weights
/// are fixed-point numbers of `shift` bits that add up to exactly 1; pixels behind the last one
/// with a weight may be read, but do not count.
struct RowWeights {
    const std::int32_t* first;  ///< First pixel of each result.
    /// Weights (i, 2p) and (i, 2p + 1) lie side by side: at (i * pairs + p) * 2, or, for `across1`,
    /// at ((i / 4 * pairs + p) * 4 + i % 4) * 2.
    const std::int16_t* weights;
    int count;  ///< Results, a multiple of 4.
    int pairs;
    int shift;
};

/// The inner loops. Every implementation gives the same results, bit for bit.
struct Kernels {
    /// Two rows of RGB pixels, resampled along the row. Up to 16 bytes behind the result are
    /// written, and of the source up to 16 bytes from the first pixel of the last (odd) two
    /// weights.
    void (*across3)(const std::uint8_t* a, const std::uint8_t* b, const RowWeights& weights,
                    std::uint8_t* out_a, std::uint8_t* out_b);
    /// Two rows of gray pixels; any four results from 4 * i on depend on 16 adjacent pixels.
    void (*across1)(const std::uint8_t* a, const std::uint8_t* b, const RowWeights& weights,
                    std::uint8_t* out_a, std::uint8_t* out_b);
    /// Two rows of gray pixels; weights in the order of `across3`, in multiples of 8 pairs.
    void (*across1_wide)(const std::uint8_t* a, const std::uint8_t* b, const RowWeights& weights,
                         std::uint8_t* out_a, std::uint8_t* out_b);
    /// The weighted sum of 2 * pairs rows of `length` bytes.
    void (*down)(const std::uint8_t* const* rows, const std::int16_t* weights, int pairs, int shift,
                 std::size_t length, std::uint8_t* out);
    /// `count` pixels in the opposite order.
    void (*mirror3)(const std::uint8_t* row, std::size_t count, std::uint8_t* out);
    void (*mirror1)(const std::uint8_t* row, std::size_t count, std::uint8_t* out);
    /// RGB pixels as three planes.
    void (*split3)(const std::uint8_t* row, std::size_t count, std::uint8_t* const planes[3]);
    /// values[i] * factor[i % channels] + offset[i % channels], rounded twice as NumPy does.
    void (*to_float)(const std::uint8_t* values, std::size_t length, int channels,
                     const float* factor, const float* offset, float* out);
    /// Little-endian float16 numbers of any alignment.
    void (*halves)(const std::uint8_t* values, std::size_t count, float* out);
    /// The weighted sum of `taps` rows of `count` floats, added up from the first to the last.
    void (*down_floats)(const float* const* rows, const float* weights, int taps, std::size_t count,
                        float* out);
    /// out[i] = sum of weights[i * taps + k] * row[first[i] + k], `taps` being a multiple of 4:
    /// four sums of every fourth product, of which the first two and the last two are added first.
    void (*across_floats)(const float* row, const std::int32_t* first, const float* weights,
                          int taps, int count, float* out);
};

const Kernels& portable_kernels();
/// The quickest ones that this processor runs.
const Kernels& best_kernels();

}  // namespace fastdata
