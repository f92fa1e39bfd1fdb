#include "geometry.h"

#include <cmath>
#include <string>
#include <utility>

#include "errors.h"
#include "stretch.h"

namespace fastdata {

namespace {

template <class T>
std::string sides(T height, T width) {
    return std::to_string(height) + " x " + std::to_string(width);
}

// Edges are compared as the floats that they are used as, so that a rounding error of the
// arithmetic that made them is none here.
bool lies_within(double start, double length, int size) {
    return std::isfinite(start) && std::isfinite(length) && length > 0 &&
           static_cast<float>(start) >= 0 &&
           static_cast<float>(start + length) <= static_cast<float>(size);
}

bool is_whole(double value) { return value == std::rint(value); }

}  // namespace

Turn Turn::of(int rot90, bool hflip, bool vflip) {
    // A quarter turn counter-clockwise exchanges rows and columns, then mirrors the rows.
    static constexpr Turn quarters[4] = {
        {false, false, false}, {true, true, false}, {false, true, true}, {true, false, true}};
    return quarters[rot90 & 3].then({false, vflip, hflip});
}

Turn Turn::upright(int orientation) {
    static constexpr Turn turns[9] = {
        {},
        {},
        {false, false, true},
        {false, true, true},
        {false, true, false},
        {true, false, false},
        {true, false, true},
        {true, true, true},
        {true, true, false},
    };
    return turns[orientation >= 1 && orientation <= 8 ? orientation : 1];
}

Turn Turn::then(Turn next) const {
    // A mirror that is followed by an exchange of rows and columns mirrors the other axis.
    const bool rows = next.transpose ? flip_columns : flip_rows;
    const bool columns = next.transpose ? flip_rows : flip_columns;
    return {transpose != next.transpose, rows != next.flip_rows, columns != next.flip_columns};
}

Placement Placement::stored(int orientation, int upright_height, int upright_width) const {
    const Turn upright = Turn::upright(orientation);
    Placement result = *this;
    result.turn = upright.then(turn);
    if (upright.flip_rows) result.box.top = upright_height - box.top - box.height;
    if (upright.flip_columns) result.box.left = upright_width - box.left - box.width;
    if (upright.transpose) {
        std::swap(result.box.top, result.box.left);
        std::swap(result.box.height, result.box.width);
        std::swap(result.height, result.width);
    }
    return result;
}

Rect Placement::reach(int picture_height, int picture_width) const {
    if (!resized) {
        return {static_cast<int>(box.top), static_cast<int>(box.left), height, width};
    }
    const Stretch rows(box.top, box.height, height, picture_height);
    const Stretch columns(box.left, box.width, width, picture_width);
    const int top = rows.first(0), left = columns.first(0);
    return {top, left, rows.end(height - 1) - top, columns.end(width - 1) - left};
}

void Placement::check(int picture_height, int picture_width) const {
    const bool inside = lies_within(box.top, box.height, picture_height) &&
                        lies_within(box.left, box.width, picture_width);
    if (!inside) {
        throw BadInput("a box of " + sides(box.height, box.width) + " pixels at " +
                       std::to_string(box.top) + ", " + std::to_string(box.left) +
                       "; expected one within the picture of " +
                       sides(picture_height, picture_width));
    }
    if (height < 1 || width < 1) {
        throw BadInput("a result of " + sides(height, width) + " pixels; expected at least 1 x 1");
    }
    // A copy is not cut off at the picture's edge, so that a float's rounding is too much for it.
    const bool fits =
        box.top + box.height <= picture_height && box.left + box.width <= picture_width;
    const bool copies = fits && is_whole(box.top) && is_whole(box.left) && box.height == height &&
                        box.width == width;
    if (!resized && !copies) {
        throw BadInput("a box of " + sides(box.height, box.width) + " pixels copied to " +
                       sides(height, width) + "; expected whole pixels and the same size");
    }
}

}  // namespace fastdata
