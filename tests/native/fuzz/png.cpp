#include <optional>
#include <variant>
#include <vector>

#include "errors.h"
#include "image_decoder.h"
#include "picture.h"
#include "png_files.h"
#include "targets.h"

namespace fastdata::fuzz {
namespace {

/// Runs one way to decode; none where it refuses.
template <class Decode>
std::optional<Picture> tried(Decode decode) {
    try {
        return decode();
    } catch (const BadInput&) {
        return {};
    } catch (const NotHere&) {
        return {};
    }
}

void check_parts(Bytes file, Choices choices) {
    thread_local ImageDecoder decoder;
    StoredImage image;
    const auto header = tried([&]() -> std::optional<Picture> {
        image = decoder.open(file);
        return Picture(Pixels<std::uint8_t>());
    });
    if (!header || std::int64_t{image.height} * image.width > kMostPixels) return;
    const Rect all{0, 0, image.height, image.width};
    const int channels = choices.one_in(3) ? 1 : 3;
    const auto pixels = [&](Rect wanted) {
        return tried([&]() -> std::optional<Picture> {
            decoder.open(file);
            return Picture(decoder.pixels(channels, wanted, 1), wanted);
        });
    };
    const auto ids = [&](Rect wanted) {
        return tried([&]() -> std::optional<Picture> {
            decoder.open(file);
            return std::visit([&](const auto& found) { return Picture(found, wanted); },
                              decoder.ids(wanted));
        });
    };
    const auto whole = pixels(all);
    const auto all_ids = ids(all);
    for (int i = 0; i < 3; ++i) {
        const Rect wanted = choices.rect(image.height, image.width);
        const auto part = pixels(wanted);
        if (whole) {
            expect(part && part->is_part_of(*whole), "a part of a PNG has the pixels of the whole");
        }
        const auto some_ids = ids(wanted);
        expect(!all_ids || some_ids, "a part of a good mask is good");
    }
}

}  // namespace

void check_png(Bytes input, Choices choices) {
    const bool is_png = input.size > 8 && input.data[1] == 'P' && input.data[2] == 'N';
    if (is_png) {
        check_parts(input, choices);
        std::vector<std::uint8_t> mended(input.data, input.data + input.size);
        mend_checksums(mended);
        check_parts({mended.data(), mended.size()}, choices);
    }
    if (input.size == 0) return;
    const std::vector<std::uint8_t> made = png_of_rows(input, choices);
    check_parts({made.data(), made.size()}, choices);
}

}  // namespace fastdata::fuzz
