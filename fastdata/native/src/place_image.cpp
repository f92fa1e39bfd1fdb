#include "errors.h"
#include "place.h"
#include "resample.h"
#include "row_writer.h"
#include "transpose.h"

namespace fastdata {

namespace {

struct Rgb {
    std::uint8_t red, green, blue;
};

using Image = Pixels<std::uint8_t>;

void check_image(const Image& pixels, const Placement& placement, const Target& target) {
    if (pixels.channels != 1 && pixels.channels != 3) {
        throw BadInput("an image of " + std::to_string(pixels.channels) +
                       " channels; expected 1 or 3");
    }
    placement.check(pixels.height * pixels.denominator, pixels.width * pixels.denominator);
    if (!placement.resized && pixels.denominator != 1) {
        throw BadInput("a copy of a picture that was decoded smaller; expected denominator 1");
    }
    const bool transposed = placement.turn.transpose;
    check_target(target, transposed ? placement.width : placement.height,
                 transposed ? placement.height : placement.width, pixels.channels);
    if (target.type == Target::Type::u16) {
        throw BadInput("a uint16 target of an image; expected uint8 or float32");
    }
}

ResampledRows resampled(const Image& pixels, const Placement& placement, bool mirrored,
                        Scratch::Memory& memory) {
    const Box& box = placement.box;
    const int d = pixels.denominator;
    return {pixels, Stretch(box.top, box.height, placement.height, pixels.height, d),
            Stretch(box.left, box.width, placement.width, pixels.width, d), mirrored, memory};
}

void place_straight(const Image& pixels, const Placement& placement, const Target& target,
                    Scratch::Memory& memory) {
    const Turn& turn = placement.turn;
    ResampledRows rows = resampled(pixels, placement, turn.flip_columns, memory);
    RowWriter writer(target, memory);
    for (int i = 0; i < placement.height; ++i) {
        const int y = turn.flip_rows ? placement.height - 1 - i : i;
        writer.write(y, rows.row(i, writer.buffer(y)));
    }
}

/// The result before it is transposed, as one picture without gaps.
Target upright_target(const Placement& placement, int channels, Scratch::Memory& memory) {
    Target target;
    target.height = placement.height;
    target.width = placement.width;
    target.channels = channels;
    target.channel_stride = 1;
    target.column_stride = channels;
    target.row_stride = static_cast<std::ptrdiff_t>(placement.width) * channels;
    target.data = memory.picture.at_least(static_cast<std::size_t>(target.row_stride) *
                                          static_cast<std::size_t>(placement.height));
    return target;
}

void place_transposed(const Image& pixels, const Placement& placement, const Target& target,
                      Scratch::Memory& memory) {
    Placement before = placement;
    // Mirrored before rows and columns are exchanged, the other axis has to be.
    before.turn = {false, placement.turn.flip_columns, placement.turn.flip_rows};
    const Target picture = upright_target(before, pixels.channels, memory);
    place_straight(pixels, before, picture, memory);
    const std::size_t row_bytes = static_cast<std::size_t>(target.width) * target.channels;
    std::uint8_t* turned = memory.turned.at_least(row_bytes * target.height);
    if (pixels.channels == 3) {
        transpose(reinterpret_cast<const Rgb*>(picture.data), picture.height, picture.width,
                  reinterpret_cast<Rgb*>(turned));
    } else {
        transpose(picture.data, picture.height, picture.width, turned);
    }
    RowWriter writer(target, memory);
    for (int y = 0; y < target.height; ++y) writer.write(y, turned + y * row_bytes);
}

}  // namespace

void place_image(const Image& pixels, const Placement& placement, const Target& target,
                 Scratch& scratch) {
    check_image(pixels, placement, target);
    Scratch::Memory& memory = scratch.memory();
    (placement.turn.transpose ? place_transposed : place_straight)(pixels, placement, target,
                                                                   memory);
    memory.trim();
}

}  // namespace fastdata
