#include "jpeg_huffman.h"

#include <algorithm>
#include <numeric>

namespace fastdata {
namespace {

/// Bits of the largest difference of first coefficients of 8-bit samples; others have fewer.
constexpr int kMaxSize = 11;

JpegCode code_of(int symbol, int length) {
    const int size = symbol & 15;
    const int run = symbol >> 4;
    if (size > kMaxSize) return {0, 0, 0, 0};
    const int step = size > 0 || run == 15 ? run + 1 : JpegHuffman::kEnd;
    return {static_cast<std::uint8_t>(length + size), static_cast<std::uint8_t>(length),
            static_cast<std::uint8_t>(size), static_cast<std::uint8_t>(step)};
}

}  // namespace

bool JpegHuffman::build(const std::uint8_t* counts, const std::uint8_t* symbols, int given) {
    int code = 0;
    int index = 0;
    for (std::size_t length = 1; length <= 16; ++length) {
        const int count = counts[length - 1];
        // No code may be all ones.
        if ((count && code + count >= 1 << length) || index + count > given) return false;
        counts_[length] = static_cast<std::uint8_t>(count);
        offsets_[length] = index - code;
        code += count;
        index += count;
        limits_[length] = code << (16 - length);
        code <<= 1;
    }
    std::copy_n(symbols, index, symbols_.begin());
    return true;
}

JpegCode JpegHuffman::search(std::uint64_t bits) const {
    const int prefix = static_cast<int>(bits >> 48);
    for (std::size_t length = 1; length <= 16; ++length) {
        if (prefix >= limits_[length]) continue;
        const int index = offsets_[length] + (prefix >> (16 - length));
        return code_of(symbols_[static_cast<std::size_t>(index)], static_cast<int>(length));
    }
    return {0, 0, 0, 0};
}

void JpegHuffman::spread(int look, JpegCode* codes) const {
    JpegCode* at = codes;
    const std::uint8_t* symbol = symbols_.data();
    for (int length = 1; length <= look; ++length) {
        for (int i = 0; i < counts_[static_cast<std::size_t>(length)]; ++i) {
            at = std::fill_n(at, 1 << (look - length), code_of(*symbol++, length));
        }
    }
    std::fill(at, codes + (1 << look), JpegCode{0, 0, 0, 0});
}

bool JpegDcCodes::build(const std::uint8_t* counts, const std::uint8_t* symbols, int given) {
    // First coefficients have no runs.
    const int used = std::min(given, std::accumulate(counts, counts + 16, 0));
    if (std::any_of(symbols, symbols + used, [](int symbol) { return symbol > 15; })) return false;
    if (!huffman_.build(counts, symbols, given)) return false;
    huffman_.spread(kLook, codes_.data());
    return true;
}

bool JpegAcCodes::build(const std::uint8_t* counts, const std::uint8_t* symbols, int given) {
    if (!huffman_.build(counts, symbols, given)) return false;
    huffman_.spread(kLook, codes_.data());
    for (std::uint32_t pattern = 0; pattern < entries_.size(); ++pattern) {
        entries_[pattern] = entry_of(pattern);
    }
    return true;
}

JpegAcCodes::Entry JpegAcCodes::entry_of(std::uint32_t pattern) const {
    const JpegCode one = codes_[pattern];
    if (one.total == 0 || one.total > kLook) return {{0, 0}, {0, 0}, 0, 0};
    const auto bits = static_cast<std::uint64_t>(pattern) << (64 - kLook);
    const auto value = static_cast<std::int16_t>(jpeg_number(bits, one));
    const JpegCode two = look_one(bits << one.total);
    const int total = one.total + two.total;
    if (one.step == JpegHuffman::kEnd || two.total == 0 || total > kLook) {
        return {{value, value}, {one.step, 0}, one.total, one.total};
    }
    const auto next = static_cast<std::int16_t>(jpeg_number(bits << one.total, two));
    return {{value, next}, {one.step, two.step}, one.total, static_cast<std::uint8_t>(total)};
}

}  // namespace fastdata
