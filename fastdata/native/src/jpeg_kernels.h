#pragma once

#include <cstddef>
#include <cstdint>

// Only plain data: this file is also compiled for newer instructions, and an inline function of it
// could end up, with those instructions, in code that runs everywhere.

namespace fastdata {

/// 8 x 8 coefficients as they are coded, row by row.
struct alignas(32) JpegBlock {
    std::int16_t values[64];
    std::int16_t beyond[16];  ///< Where coefficients after the last one go.
};

/// Where a block's 8 x 8 samples go, and what its coefficients are to be multiplied with before.
struct BlockTarget {
    std::uint8_t* samples;
    std::ptrdiff_t row_stride;
    const std::int16_t* factors;
};

/// The inner loops after the bits are read. Every implementation gives the same results as
/// libjpeg-turbo's default methods, bit for bit.
struct JpegKernels {
    /// Rows may be written that many bytes beyond their end, and read as far.
    static constexpr int kSlack = 64;

    /// Two blocks to samples. Where damaged data lead to values of more than 16 bits, they wrap
    /// mostly as libjpeg-turbo's do. The blocks are all zero afterwards.
    ///
    /// Source: C. Loeffler, A. Ligtenberg and G. Moschytz, "Practical fast 1-D DCT algorithms with
    /// 11 multiplications", ICASSP 1989; in fixed point of 13 bits, 2 of them kept between the
    /// passes.
    void (*inverse_dct)(JpegBlock* two, const BlockTarget* targets);

    /// Twice as many columns: out[0 .. 2 * count). `in[-1]` and `in[count]` are read too.
    void (*wider)(const std::uint8_t* in, int count, std::uint8_t* out);

    /// As `wider`, for a row of a picture of half the height, too: `near` is the row that it lies
    /// in, `far` the one that it lies closest to otherwise.
    void (*larger)(const std::uint8_t* near, const std::uint8_t* far, int count, std::uint8_t* out);

    /// Source: JFIF 1.02, "Conversion to and from RGB"; 16 bits after the point.
    void (*rgb)(const std::uint8_t* y, const std::uint8_t* cb, const std::uint8_t* cr, int count,
                std::uint8_t* out);
};

const JpegKernels& portable_jpeg_kernels();
/// The quickest ones that this processor runs.
const JpegKernels& best_jpeg_kernels();

namespace portable {

void inverse_dct(JpegBlock* two, const BlockTarget* targets);
void wider(const std::uint8_t* in, int count, std::uint8_t* out);
void larger(const std::uint8_t* near, const std::uint8_t* far, int count, std::uint8_t* out);
void rgb(const std::uint8_t* y, const std::uint8_t* cb, const std::uint8_t* cr, int count,
         std::uint8_t* out);

}  // namespace portable

namespace avx2 {

void inverse_dct(JpegBlock* two, const BlockTarget* targets);
void wider(const std::uint8_t* in, int count, std::uint8_t* out);
void larger(const std::uint8_t* near, const std::uint8_t* far, int count, std::uint8_t* out);
void rgb(const std::uint8_t* y, const std::uint8_t* cb, const std::uint8_t* cr, int count,
         std::uint8_t* out);

}  // namespace avx2

/// A block that has nothing but its first coefficient.
void fill_flat(int coefficient, const BlockTarget& target);

}  // namespace fastdata
