#pragma once

#include <cstdint>
#include <cstdlib>

#include "jpeg_bits.h"
#include "jpeg_huffman.h"
#include "jpeg_kernels.h"

namespace fastdata {

/// What a component's blocks are read with.
struct JpegTables {
    JpegDcCodes dc;
    JpegAcCodes ac;
    alignas(16) std::int16_t factors[64];  ///< Of the coefficients, row by row.
};

/// Where the coefficients of the zigzag order lie in a block.
///
/// Source: ITU-T T.81, figure A.6.
constexpr std::uint8_t kZigzag[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

/// `kZigzag`, and after it places beyond the block: they are reached by the code that ends a block,
/// and by damaged data.
struct JpegPlaces {
    std::uint8_t of[64 + 16 + JpegHuffman::kEnd] = {};

    constexpr JpegPlaces() {
        for (int i = 0; i < 64 + 16 + JpegHuffman::kEnd; ++i) of[i] = i < 64 ? kZigzag[i] : 64;
    }
};
constexpr JpegPlaces kPlaces;

/// Eight times what 8-bit samples can lead to; up to there no step of the inverse DCT overflows.
constexpr int kMaxDc = 8191;

enum class BlockKind {
    damaged,
    flat,  ///< Nothing but the first coefficient.
    full,
};

/// The code that was not found by a look; takes its bits.
template <class Codes>
bool read_rare(JpegBits& bits, const Codes& codes, JpegCode code, int& step, int& value) {
    if (code.total == 0) code = codes.search(bits.next());
    step = code.step;
    value = jpeg_number(bits.next(), code);
    bits.drop(code.total);
    return code.total != 0;
}

inline bool read_dc(JpegBits& bits, const JpegDcCodes& codes, int& dc) {
    int step = 0;
    int value = 0;
    const bool found = read_rare(bits, codes, codes.look(bits.next()), step, value);
    dc += value;
    return found && dc == static_cast<std::int16_t>(dc);
}

/// Reads one or two coefficients behind the `last` one; false where the data are damaged.
inline bool read_coefficients(JpegBits& bits, const JpegAcCodes& codes, int& last,
                              std::int16_t* values) {
    const JpegAcCodes::Entry entry = codes.look(bits.next());
    if (__builtin_expect(entry.total == 0, 0)) {
        int step = 0;
        int value = 0;
        if (!read_rare(bits, codes, codes.look_one(bits.next()), step, value)) return false;
        last += step;
        values[kPlaces.of[last]] = static_cast<std::int16_t>(value);
        return true;
    }
    last += entry.steps[0];
    values[kPlaces.of[last]] = entry.values[0];
    if (__builtin_expect(last >= 63, 0)) {
        bits.drop(entry.first);
        return true;
    }
    last += entry.steps[1];
    values[kPlaces.of[last]] = entry.values[1];
    bits.drop(entry.total);
    return true;
}

/// Reads the next block into `block`, which is all zero before.
///
/// @param dc The component's last first coefficient; brought up to date.
///
/// Source: ITU-T T.81, F.2.2.
inline BlockKind read_block(JpegBits& bits, const JpegTables& tables, int& dc, JpegBlock& block) {
    bits.fill();
    if (!read_dc(bits, tables.dc, dc)) return BlockKind::damaged;
    if (std::abs(dc * tables.factors[0]) > kMaxDc) return BlockKind::damaged;
    block.values[0] = static_cast<std::int16_t>(dc);
    int last = 0;
    // Two codes and their numbers have at most 54 bits, and a fill gives 56.
    if (!read_coefficients(bits, tables.ac, last, block.values)) return BlockKind::damaged;
    if (last >= JpegHuffman::kEnd)
        return last == JpegHuffman::kEnd ? BlockKind::flat : BlockKind::full;
    while (last < 63) {
        bits.fill();
        if (!read_coefficients(bits, tables.ac, last, block.values)) return BlockKind::damaged;
        if (last >= 63) break;
        if (!read_coefficients(bits, tables.ac, last, block.values)) return BlockKind::damaged;
    }
    return last == 63 || last >= JpegHuffman::kEnd ? BlockKind::full : BlockKind::damaged;
}

/// Steps over the next block; false where it is damaged.
inline bool skip_block(JpegBits& bits, const JpegTables& tables, int& dc) {
    bits.fill();
    if (!read_dc(bits, tables.dc, dc)) return false;
    int last = 0;
    const auto skip = [&] {
        const JpegAcCodes::Entry entry = tables.ac.look(bits.next());
        int value = 0;
        int step = 0;
        if (__builtin_expect(entry.total == 0, 0)) {
            if (!read_rare(bits, tables.ac, tables.ac.look_one(bits.next()), step, value))
                return false;
            last += step;
            return true;
        }
        last += entry.steps[0];
        const bool done = last >= 63;
        last += done ? 0 : entry.steps[1];
        bits.drop(done ? entry.first : entry.total);
        return true;
    };
    if (!skip()) return false;
    while (last < 63) {
        bits.fill();
        if (!skip()) return false;
        if (last >= 63) break;
        if (!skip()) return false;
    }
    return last == 63 || last >= JpegHuffman::kEnd;
}

}  // namespace fastdata
