#include "scratch.h"

namespace fastdata {

Scratch::Scratch(Instructions instructions) : memory_(std::make_unique<Memory>()) {
    memory_->kernels = instructions == Instructions::best ? &best_kernels() : &portable_kernels();
}

Scratch::~Scratch() = default;

void Scratch::Memory::trim() {
    for (auto* store : {&ring, &padded, &line, &planes, &picture, &turned}) store->trim();
    for (auto* store : {&row_offsets, &column_offsets}) store->trim();
    for (auto* store : {&floats.ring, &floats.line, &floats.result}) store->trim();
}

}  // namespace fastdata
