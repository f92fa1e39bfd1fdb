#include "place.h"
#include "errors.h"
namespace fastdata {
struct Scratch::Memory {};
Scratch::Scratch(Instructions) {}
Scratch::~Scratch() {}
void place_image(const Pixels<std::uint8_t>&, const Placement&, const Target&, Scratch&) { throw NotHere("x"); }
template <class T> void place_mask(const Pixels<T>&, const Placement&, int, const Target&, Scratch&) { throw NotHere("x"); }
template void place_mask<std::uint8_t>(const Pixels<std::uint8_t>&, const Placement&, int, const Target&, Scratch&);
template void place_mask<std::uint16_t>(const Pixels<std::uint16_t>&, const Placement&, int, const Target&, Scratch&);
void place_distance(const DistanceRecord&, const Placement&, const Target&, Scratch&) { throw NotHere("x"); }
}
