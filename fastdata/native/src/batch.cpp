#include "batch.h"

#include <cstring>

#include "pool.h"
#include "sample.h"

namespace fastdata {
namespace {

std::size_t item_bytes(Target::Type type) {
    switch (type) {
        case Target::Type::u8:
            return 1;
        case Target::Type::u16:
            return 2;
        default:
            return 4;
    }
}

void clear(const Target& target) {
    for (int y = 0; y < target.height; ++y) {
        for (int x = 0; x < target.width; ++x) {
            for (int c = 0; c < target.channels; ++c) {
                std::memset(target.data + y * target.row_stride + x * target.column_stride +
                                c * target.channel_stride,
                            0, item_bytes(target.type));
            }
        }
    }
}

void make_or_note(const Batch& batch, std::size_t position, Failures& failures) {
    thread_local Workbench workbench;
    failures.watch(
        position, [&] { make_sample(batch, position, workbench); },
        [&] { clear(target_of(batch, position)); });
}

}  // namespace

std::vector<Failure> decode_batch(const Batch& batch, const std::vector<std::size_t>& positions,
                                  int threads) {
    Failures failures;
    parallel_for(positions.size(), threads,
                 [&](std::size_t i) { make_or_note(batch, positions[i], failures); });
    return failures.sorted();
}

}  // namespace fastdata
