#pragma once

namespace fastdata {

/// Whole pixels: rows top up to, not including, top + height.
struct Rect {
    int top = 0;
    int left = 0;
    int height = 0;
    int width = 0;
};

/// Pixels, possibly fractions of them; half-open as `Rect`.
struct Box {
    double top = 0;
    double left = 0;
    double height = 0;
    double width = 0;
};

/// One of the eight symmetries of a picture: rows and columns exchanged first, then the mirrors.
struct Turn {
    bool transpose = false;
    bool flip_rows = false;     ///< The last row becomes the first.
    bool flip_columns = false;  ///< The last column becomes the first.

    /// Quarter turns counter-clockwise, then mirrors, as `fastdata.geometry.Geometry` has them.
    static Turn of(int rot90, bool hflip, bool vflip);
    /// What makes a picture stored with this EXIF orientation (1..8) upright.
    static Turn upright(int orientation);
    /// This turn, followed by another one.
    Turn then(Turn next) const;
};

/// What becomes of one picture: a box of it, resampled, then turned.
struct Placement {
    Box box;         ///< In pixels of the picture as it is stored.
    int height = 0;  ///< Of the result before turning.
    int width = 0;
    bool resized = false;  ///< False where the box lies on whole pixels and keeps its size.
    Turn turn;

    /// The placement in the stored picture that has the same result as `this` has in the upright
    /// one.
    Placement stored(int orientation, int upright_height, int upright_width) const;
    /// The pixels of a stored picture of this size that the result depends on, filter included.
    /// Call `check` first.
    Rect reach(int picture_height, int picture_width) const;
    /// Throws `BadInput` unless the box lies in a picture of this size, is not empty, becomes at
    /// least one pixel, and is whole and of the result's size where it is not resized.
    void check(int picture_height, int picture_width) const;
};

}  // namespace fastdata
