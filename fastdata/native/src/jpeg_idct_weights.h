#pragma once

namespace fastdata {

/// Weights of the 2nd and 6th value, times 2^13: for their sum's part, then for the difference's.
constexpr int kIdctEven[4] = {10703, 4433, 4433, -10704};

/// Weights of the 1st, 3rd, 5th and 7th value in the four odd parts, times 2^13.
///
/// They are what the method's rounded constants add up to, so that results are the same, bit for
/// bit, as in its usual order of additions.
constexpr int kIdctOdd[4][4] = {
    {11363, 9633, 6437, 2260},
    {9633, -2259, -11362, -6436},
    {6437, -11362, 2261, 9633},
    {2260, -6436, 9633, -11363},
};

}  // namespace fastdata
