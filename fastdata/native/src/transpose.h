#pragma once

#include <cstddef>
#include <cstdint>

namespace fastdata {

/// Exchanges the rows and columns of a picture without gaps, of height x width items. In blocks, so
/// that both sides stay in the processor's cache.
template <class Item>
void transpose(const Item* from, int height, int width, Item* to) {
    constexpr int block = 16;
    for (int top = 0; top < height; top += block) {
        const int bottom = top + block < height ? top + block : height;
        for (int x = 0; x < width; ++x) {
            Item* column = to + static_cast<std::size_t>(x) * height;
            for (int y = top; y < bottom; ++y) {
                column[y] = from[static_cast<std::size_t>(y) * width + x];
            }
        }
    }
}

}  // namespace fastdata
