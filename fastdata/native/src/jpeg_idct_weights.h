#pragma once

namespace fastdata {

/// Weights of two values, times 2^13.
struct IdctPair {
    int first;
    int second;
};

// The method's rounded constants, added up where they multiply the same value. Value 0 is the
// lowest frequency.

/// Values 2 and 6: in the sum of values 0 and 4, and in their difference.
constexpr IdctPair kInSum = {10703, 4433};
constexpr IdctPair kInDifference = {4433, -10704};

/// Values 3 + 7 and 1 + 5: in the odd part of outputs 0 and 2, and of outputs 1 and 3.
constexpr IdctPair kIn0And2 = {9633, 6437};
constexpr IdctPair kIn1And3 = {-6436, 9633};

/// Values 1 and 7, in the odd part of an output.
constexpr IdctPair kIn0 = {4926, -7373};
constexpr IdctPair kIn3 = {-7373, -4927};
/// Values 3 and 5, likewise.
constexpr IdctPair kIn1 = {4177, -20995};
constexpr IdctPair kIn2 = {-20995, -4176};

}  // namespace fastdata
