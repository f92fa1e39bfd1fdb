#pragma once

#include <cstdint>

// Compiled for each instruction set that includes it: nothing here may be shared between files.
namespace fastdata {
namespace {

void wider_row(const std::uint8_t* in, int count, std::uint8_t* __restrict out) {
    for (int i = 0; i < count; ++i) {
        const int three = 3 * in[i];
        out[2 * i] = static_cast<std::uint8_t>((three + in[i - 1] + 1) >> 2);
        out[2 * i + 1] = static_cast<std::uint8_t>((three + in[i + 1] + 2) >> 2);
    }
}

void larger_row(const std::uint8_t* near, const std::uint8_t* far, int count,
                std::uint8_t* __restrict out) {
    const auto sum = [=](int i) { return static_cast<std::uint16_t>(3 * near[i] + far[i]); };
    for (int i = 0; i < count; ++i) {
        const int three = 3 * sum(i);
        out[2 * i] = static_cast<std::uint8_t>((three + sum(i - 1) + 8) >> 4);
        out[2 * i + 1] = static_cast<std::uint8_t>((three + sum(i + 1) + 7) >> 4);
    }
}

}  // namespace
}  // namespace fastdata
