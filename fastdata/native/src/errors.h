#pragma once

#include <stdexcept>

namespace fastdata {

/// A record that cannot become pixels; the message says what was found, expected, and what to do.
/// Becomes `fastdata.errors.InputError`.
struct BadInput : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A record that contradicts what the pack says of it. Becomes `fastdata.errors.PackCorrupt`.
struct Contradiction : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A valid but rare kind of record that the core leaves to its Pillow twin, such as CMYK.
struct NotHere : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace fastdata
