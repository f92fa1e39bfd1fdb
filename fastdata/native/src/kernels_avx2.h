#pragma once

#include "kernels.h"

namespace fastdata::avx2 {

// What `Kernels` documents, for processors with AVX2 and F16C; defined on x86-64 only.

void across3(const std::uint8_t* a, const std::uint8_t* b, const RowWeights& w, std::uint8_t* out_a,
             std::uint8_t* out_b);
void across1(const std::uint8_t* a, const std::uint8_t* b, const RowWeights& w, std::uint8_t* out_a,
             std::uint8_t* out_b);
void across1_wide(const std::uint8_t* a, const std::uint8_t* b, const RowWeights& w,
                  std::uint8_t* out_a, std::uint8_t* out_b);
void down(const std::uint8_t* const* rows, const std::int16_t* weights, int pairs, int shift,
          std::size_t length, std::uint8_t* out);
void mirror3(const std::uint8_t* row, std::size_t count, std::uint8_t* out);
void mirror1(const std::uint8_t* row, std::size_t count, std::uint8_t* out);
void split3(const std::uint8_t* row, std::size_t count, std::uint8_t* const planes[3]);
void to_float(const std::uint8_t* values, std::size_t length, int channels, const float* factor,
              const float* offset, float* out);
void halves(const std::uint8_t* values, std::size_t count, float* out);
void down_floats(const float* const* rows, const float* weights, int taps, std::size_t count,
                 float* out);
void across_floats(const float* row, const std::int32_t* first, const float* weights, int taps,
                   int count, float* out);

}  // namespace fastdata::avx2
