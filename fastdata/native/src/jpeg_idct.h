#pragma once

#include <cstddef>
#include <cstdint>

#include "jpeg_blocks.h"

namespace fastdata {

/// Where a block's 8 x 8 samples go, and what its coefficients are to be multiplied with before.
struct BlockTarget {
    std::uint8_t* samples = nullptr;
    std::ptrdiff_t row_stride = 0;
    const std::int16_t* factors = nullptr;
};

/// Two blocks' coefficients to samples, the same as libjpeg's accurate integer method; the blocks
/// are all zero afterwards.
using InverseDct = void (*)(JpegBlock* two, const BlockTarget* targets);

/// Source: C. Loeffler, A. Ligtenberg and G. Moschytz, "Practical fast 1-D DCT algorithms with 11
/// multiplications", ICASSP 1989; in fixed point of 13 bits, 2 more kept between the passes.
void inverse_dct(JpegBlock* two, const BlockTarget* targets);
void inverse_dct_avx2(JpegBlock* two, const BlockTarget* targets);

/// The quickest one that this machine can run.
InverseDct best_inverse_dct();

/// A block that has nothing but its first coefficient.
void fill_flat(int coefficient, const BlockTarget& target);

}  // namespace fastdata
