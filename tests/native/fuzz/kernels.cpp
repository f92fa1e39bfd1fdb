#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "jpeg_kernels.h"
#include "picture.h"
#include "place.h"
#include "targets.h"

namespace fastdata::fuzz {
namespace {

/// Two blocks of any numbers: the transforms must not leave what C++ defines.
void check_transform(Bytes input) {
    struct {
        alignas(16) std::int16_t factors[2][64];
        std::int16_t values[2][64];
    } given = {};
    std::memcpy(&given, input.data, std::min(input.size, sizeof given));
    std::uint8_t samples[2][2][64];
    for (const bool best : {false, true}) {
        JpegBlock blocks[2] = {};
        BlockTarget targets[2];
        for (int i = 0; i < 2; ++i) {
            std::copy_n(given.values[i], 64, blocks[i].values);
            targets[i] = {samples[best][i], 8, given.factors[i]};
        }
        (best ? best_jpeg_kernels() : portable_jpeg_kernels()).inverse_dct(blocks, targets);
    }
    expect(std::memcmp(samples[0], samples[1], sizeof samples[0]) == 0,
           "the inverse transforms agree");
}

/// Places a window of a picture whose pixels are `input`.
class PlaceCheck {
  public:
    PlaceCheck(Bytes input, Choices choices) {
        pixels_.channels = choices.one_in(2) ? 1 : 3;
        pixels_.denominator = 1 << choices.below(4);
        pixels_.width = choices.between(1, 60);
        const int row = pixels_.width * pixels_.channels;
        pixels_.height = static_cast<int>(std::min<std::size_t>(input.size / row, 300));
        if (pixels_.height == 0) return;
        const int d = pixels_.denominator;
        placement_.box = choices.box(pixels_.height * d, pixels_.width * d);
        // A picture that was decoded smaller is not enlarged.
        if (std::min(placement_.box.height, placement_.box.width) < d) return;
        placement_.height = side(placement_.box.height, choices);
        placement_.width = side(placement_.box.width, choices);
        placement_.resized = true;
        placement_.turn = Turn::of(choices.below(4), choices.one_in(2), choices.one_in(2));
        copy_window(input, row, d);
    }

    void run() {
        if (!held_) return;
        for (const Target::Type type : {Target::Type::u8, Target::Type::f32}) {
            expect(placed(type, Instructions::best) == placed(type, Instructions::portable),
                   "kernels agree bit for bit");
        }
    }

  private:
    int side(double length, Choices& choices) const {
        const int d = pixels_.denominator;
        return choices.between(1, d == 1 ? 50 : std::max(1, static_cast<int>(length / d)));
    }

    /// Takes the pixels that the result depends on, and not one more, from `input`.
    void copy_window(Bytes input, int row, int d) {
        const Rect reach = placement_.reach(pixels_.height * d, pixels_.width * d);
        const auto up = [&](int value) { return (value + d - 1) / d; };
        Rect& window = pixels_.window;
        window.top = reach.top / d;
        window.left = reach.left / d;
        window.height = up(reach.top + reach.height) - window.top;
        window.width = up(reach.left + reach.width) - window.left;
        const std::size_t bytes = static_cast<std::size_t>(window.width * pixels_.channels);
        held_.reset(new std::uint8_t[bytes * static_cast<std::size_t>(window.height)]);
        for (int y = 0; y < window.height; ++y) {
            const std::uint8_t* from =
                input.data + (window.top + y) * row + window.left * pixels_.channels;
            std::copy_n(from, bytes, held_.get() + static_cast<std::size_t>(y) * bytes);
        }
        pixels_.data = held_.get();
        pixels_.row_stride = static_cast<std::ptrdiff_t>(bytes);
    }

    std::vector<std::uint8_t> placed(Target::Type type, Instructions instructions) {
        const std::ptrdiff_t item = type == Target::Type::u8 ? 1 : 4;
        Target target;
        target.type = type;
        const bool turned = placement_.turn.transpose;
        target.height = turned ? placement_.width : placement_.height;
        target.width = turned ? placement_.height : placement_.width;
        target.channels = pixels_.channels;
        target.channel_stride = item;
        target.column_stride = item * target.channels;
        target.row_stride = target.column_stride * target.width;
        std::vector<std::uint8_t> out(static_cast<std::size_t>(target.row_stride * target.height));
        target.data = out.data();
        Scratch scratch(instructions);
        place_image(pixels_, placement_, target, scratch);
        return out;
    }

    Pixels<std::uint8_t> pixels_;
    Placement placement_;
    std::unique_ptr<std::uint8_t[]> held_;
};

}  // namespace

void check_kernels(Bytes input, Choices choices) {
    check_transform(input);
    PlaceCheck(input, choices).run();
}

}  // namespace fastdata::fuzz
