// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#include "philox.h"

#include <array>

namespace fastdata {
namespace {

using Words = std::array<std::uint32_t, 4>;

constexpr int kRounds = 10;

Words philox4x32(Words words, std::uint32_t key0, std::uint32_t key1) {
    for (int round = 0; round < kRounds; ++round) {
        const std::uint64_t first = std::uint64_t{words[0]} * 0xD2511F53u;
        const std::uint64_t second = std::uint64_t{words[2]} * 0xCD9E8D57u;
        words = {static_cast<std::uint32_t>(second >> 32) ^ words[1] ^ key0,
                 static_cast<std::uint32_t>(second),
                 static_cast<std::uint32_t>(first >> 32) ^ words[3] ^ key1,
                 static_cast<std::uint32_t>(first)};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return words;
}

/// 53 random bits as a number in [0, 1).
double fraction(std::uint32_t high, std::uint32_t low) {
    return ((high >> 5) * 67108864.0 + (low >> 6)) / 9007199254740992.0;
}

}  // namespace

void uniform(PhiloxStream stream, const std::int64_t* indices, std::size_t samples,
             std::size_t count, double* out) {
    const auto key0 = static_cast<std::uint32_t>(stream.seed);
    const auto key1 = static_cast<std::uint32_t>(stream.seed >> 32);
    for (std::size_t sample = 0; sample < samples; ++sample) {
        const auto index = static_cast<std::uint64_t>(indices[sample]);
        for (std::size_t i = 0; i < count; i += 2) {
            const auto block = static_cast<std::uint32_t>(i / 2) | stream.operation << 16;
            const Words words =
                philox4x32({static_cast<std::uint32_t>(index),
                            static_cast<std::uint32_t>(index >> 32), stream.epoch, block},
                           key0, key1);
            *out++ = fraction(words[0], words[1]);
            if (i + 1 < count) *out++ = fraction(words[2], words[3]);
        }
    }
}

}  // namespace fastdata
