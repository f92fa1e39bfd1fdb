#pragma once

#include <cstddef>
#include <cstdint>

namespace fastdata {

/// What a sample's numbers depend on, besides its index; see fastdata/philox.py.
struct PhiloxStream {
    std::uint64_t seed;
    std::uint32_t epoch;
    std::uint32_t operation;
};

/// Writes `count` numbers in [0, 1) for each index, as fastdata.philox.uniform gives them.
void uniform(PhiloxStream stream, const std::int64_t* indices, std::size_t samples,
             std::size_t count, double* out);

}  // namespace fastdata
